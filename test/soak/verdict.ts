/** The measurements while no calls ran, and whether they stay the same. */

export interface ProcessSample {
  /** Bytes of the heap after the garbage was collected. */
  readonly heap: number
  /** The number of active handles, requests and timers of each type. */
  readonly resources: Readonly<Record<string, number>>
  /** The listeners on the clients that the program made for its store, and on the process. */
  readonly listeners: number
}

export interface ServerSample {
  readonly keys: number
  /** Bytes that the server uses. */
  readonly memory: number
  readonly connections: number
  readonly subscriptions: number
}

/** The samples of one process from one start to its end, at the end of each round. */
export interface Life {
  readonly name: string
  readonly samples: ReadonlyArray<ProcessSample>
}

/** Tolerances without a leak: code that was compiled since, and memory that the runtime keeps. */
const heapAllowance = (bytes: number): number => Math.max(2_500_000, bytes * 0.1)
const serverAllowance = 2_000_000

const mega = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

/**
 * The figures that have grown in the last two thirds of a process's life, and at least since its first complete round:
 * until then, the runtime compiles more and more of the program, and the process may have only just been started again.
 */
export const growthOf = ({ name, samples }: Life): ReadonlyArray<string> => {
  const first = samples[Math.max(1, Math.floor(samples.length / 3))]
  const last = samples.at(-1)
  if (first === undefined || last === undefined || first === last) return []
  const problems: Array<string> = []
  if (last.heap > first.heap + heapAllowance(first.heap)) {
    problems.push(`${name}: the heap has grown from ${mega(first.heap)} to ${mega(last.heap)}`)
  }
  if (last.listeners > first.listeners) {
    problems.push(`${name}: ${first.listeners} listeners have become ${last.listeners}`)
  }
  for (const [type, count] of Object.entries(last.resources)) {
    const before = first.resources[type] ?? 0
    if (count > before) problems.push(`${name}: ${before} ${type} have become ${count}`)
  }
  return problems
}

/** The data that remains in the server after everything has expired, compared with that before the first call. */
export const remainsOf = (first: ServerSample, last: ServerSample): ReadonlyArray<string> => {
  const problems: Array<string> = []
  if (last.keys > 0) problems.push(`Redis: ${last.keys} keys have not expired`)
  if (last.memory > first.memory + serverAllowance) {
    problems.push(`Redis: its memory has grown from ${mega(first.memory)} to ${mega(last.memory)}`)
  }
  for (const name of ["connections", "subscriptions"] as const) {
    if (last[name] !== first[name]) problems.push(`Redis: ${first[name]} ${name} have become ${last[name]}`)
  }
  return problems
}

/**
 * Whether a call waited for longer than the store may take. A call waits for an answer and for a probe's slot, and is
 * late by as much as the process is.
 */
export const slownessOf = (
  name: string,
  { latestMillis, slowestMillis }: { readonly latestMillis: number; readonly slowestMillis: number },
  deadlineMillis: number
): ReadonlyArray<string> => {
  const most = 3 * deadlineMillis + 500 + 5 * latestMillis
  return slowestMillis <= most
    ? []
    : [`${name}: a call waited ${Math.round(slowestMillis)} ms, and ${Math.round(most)} ms is the most`]
}

/** The circuits that the processes do not see in the same expected state. */
export const disagreementsOf = (
  circuits: ReadonlyArray<{ readonly breaker: string; readonly key: string }>,
  statesOfEach: ReadonlyArray<ReadonlyArray<string>>,
  expected: (state: string) => boolean
): ReadonlyArray<string> =>
  circuits.flatMap(({ breaker, key }, i) => {
    const states = statesOfEach.map((states) => states[i] ?? "unknown")
    return states.every(expected) ? [] : [`${breaker}/${key} is ${states.join(", ")}`]
  })
