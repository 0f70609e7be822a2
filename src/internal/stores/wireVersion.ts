/**
 * The version of everything that the processes of a fleet write for each other: the names of keys and channels, the fields
 * of a key, and the texts of states, windows and messages. It is part of every key and channel, so processes of two
 * versions never read what the other has written.
 *
 * It has to be raised by every change after which a process of the version before would misread a text, or write one that
 * is misread. During the upgrade of a fleet the processes of both versions then share their circuits with their own kind:
 * a new process starts with Closed circuits, learns from its own calls, and nothing that an operator has done by hand
 * (isolations, `disable`) is carried over. The keys of the version before need no clean-up, because they expire.
 *
 * @internal
 */
export const wireVersion = 2
