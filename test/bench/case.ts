/** What one round of a case measured, by field: nanoseconds, bytes, milliseconds or counts. */
export type Sample = Readonly<Record<string, number>>

/** `smoke` only proves that everything runs: its figures mean nothing. */
export type Scale = "full" | "smoke"

/** Measures once. Called as often as the plan asks, on a case that is prepared and warm. */
export type Round = () => Promise<Sample>

/** Something to measure, in a process of its own. */
export type Case = (scale: Scale) => Promise<Round>

export type Cases = Readonly<Record<string, Case>>

/** Does something so many times. */
export type Loop = (calls: number) => Promise<unknown>

/** The same work, as often as asked: bare, and with the breaker around it. */
export interface Loops {
  readonly bare: Loop
  readonly guarded: Loop
}

export type PrepareLoops = (scale: Scale) => Promise<Loops>
