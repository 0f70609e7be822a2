/** What one round of a case measured, by field: nanoseconds, bytes, milliseconds or counts. */
export type Sample = Readonly<Record<string, number>>

/** `smoke` only proves that everything runs: its figures mean nothing. */
export type Scale = "full" | "smoke"

/** Measures once. Called as often as the plan asks, on a case that is prepared and warm. */
export type Round = () => Promise<Sample>

/** Something to measure, in a process of its own. */
export type Case = (scale: Scale) => Promise<Round>

export type Cases = Readonly<Record<string, Case>>
