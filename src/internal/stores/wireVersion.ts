/**
 * The version of everything that the processes of a fleet exchange: the names of keys and channels, the fields of a
 * key, and the texts of states, windows and messages. It is part of every key and channel, so a process never reads
 * data of another version.
 *
 * Raise it with each change after which a process of the previous version would misread data of the new one, or the
 * reverse. While a fleet is upgraded, processes share their circuits only with those of the same version. The first
 * processes of the new version start with Closed circuits: isolations and disablings by hand are not carried over. The
 * keys of the previous version need no clean-up, because they expire.
 *
 * @internal
 */
export const wireVersion = 2
