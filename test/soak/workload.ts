/** The workload of a process: its calls, its controls, and the failures of its dependencies. All of it follows from the seed. */
import type { Random } from "./random.ts"
import { random } from "./random.ts"

/**
 * The breakers of a process. `steady` holds few circuits for the whole run, so that their totals can be compared with
 * what callers saw; `passing` has keys that come and go, more than it may hold; `visiting` is made and closed again.
 */
export type BreakerName = "steady" | "passing" | "visiting"

export const steadyKeys: ReadonlyArray<string> = [
  "default",
  ...Array.from({ length: 9 }, (_, i) => `steady-${i}`)
]
export const visitingKeys: ReadonlyArray<string> = ["visiting-0", "visiting-1"]

/** The ways to make a call, each as often as it is chosen. */
const ways = ["protect", "protect", "protect", "protect", "admit", "stream"] as const

export interface PlannedCall {
  readonly breaker: BreakerName
  readonly key: string
  readonly way: (typeof ways)[number]
  readonly latencyMillis: number
  /** Whether it dies instead of failing. */
  readonly dies: boolean
  /** When its caller leaves, if it does. */
  readonly patienceMillis: number | undefined
  /** Whether it fails although its dependency is healthy. */
  readonly isUnlucky: boolean
}

const passingAtATime = 60
const callsAPassingKey = 20

/** The calls of one life of a process, one after the other. */
export const callsOf = (source: Random): (() => PlannedCall) => {
  let passing = source.between(0, 1_000_000)
  const keyOf = (breaker: BreakerName): string => {
    if (breaker === "steady") return source.pick(steadyKeys)
    if (breaker === "visiting") return source.pick(visitingKeys)
    if (source.chance(1 / callsAPassingKey)) passing++
    return `passing-${passing + source.between(0, passingAtATime - 1)}`
  }
  return () => {
    const breaker = source.pick(["steady", "steady", "passing", "passing", "visiting"] as const)
    return {
      breaker,
      key: keyOf(breaker),
      way: source.pick(ways),
      latencyMillis: source.between(0, 40),
      dies: source.chance(0.1),
      patienceMillis: source.chance(0.05) ? source.between(0, 30) : undefined,
      isUnlucky: source.chance(0.01)
    }
  }
}

/** For how long a dependency stays healthy or failing, in milliseconds. */
const spanMillis = 2_500

/**
 * Whether the dependency behind a key fails at a time of a round: sometimes for all processes, sometimes for one of them.
 */
export const isFailing = (
  seed: number,
  key: string,
  { at, process, round }: { readonly at: number; readonly process: number; readonly round: number }
): boolean => {
  const source = random(seed, `round ${round}, dependency ${key}, span ${Math.floor(at / spanMillis)}`)
  const chosen = source.next()
  const isPassing = key.startsWith("passing")
  if (chosen < (isPassing ? 0.05 : 0.2)) return true
  return chosen < (isPassing ? 0.08 : 0.3) && source.between(0, 2) === process % 3
}

export type Control = "trip" | "reset" | "isolate" | "disable" | "awaitReady" | "read" | "listen"

export interface PlannedControl {
  readonly control: Control
  readonly breaker: "steady" | "passing"
  readonly key: string
  /** The wait before it, and its duration. */
  readonly pauseMillis: number
  readonly lastsMillis: number
}

const controls: ReadonlyArray<Control> = [
  "trip",
  "reset",
  "isolate",
  "isolate",
  "disable",
  "awaitReady",
  "read",
  "listen"
]

/** The controls of one life of a process, one after the other. */
export const controlsOf = (source: Random) => (): PlannedControl => ({
  control: source.pick(controls),
  ...(source.chance(0.7)
    ? { breaker: "steady", key: source.pick(steadyKeys) }
    : { breaker: "passing", key: `passing-${source.between(0, 1_000_000)}` }),
  pauseMillis: source.between(100, 1_500),
  lastsMillis: source.between(50, 3_000)
})
