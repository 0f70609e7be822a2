/** The options of `npm run soak`. */

export interface Options {
  readonly minutes: number
  readonly seed: number
  readonly processes: number
  /** The rate of all processes together. */
  readonly callsPerSecond: number
}

const flags = {
  "--minutes": "minutes",
  "--seed": "seed",
  "--processes": "processes",
  "--rate": "callsPerSecond"
} as const

const ranges: Readonly<Record<keyof Options, readonly [least: number, most: number]>> = {
  minutes: [2, 24 * 60],
  seed: [0, 0xffff_ffff],
  processes: [2, 20],
  callsPerSecond: [1, 100_000]
}

/** Reads the arguments. Throws an error with one line that says what is wrong. */
export const optionsOf = (args: ReadonlyArray<string>, newSeed: () => number): Options => {
  const options = { minutes: 5, processes: 3, callsPerSecond: 1_500 }
  const given: Partial<Record<keyof Options, number>> = {}
  for (let i = 0; i < args.length; i += 2) {
    const name = Object.entries(flags).find(([flag]) => flag === args[i])?.[1]
    if (name === undefined) throw new Error(`${args[i]} is not one of ${Object.keys(flags).join(", ")}`)
    const [least, most] = ranges[name]
    const value = Number(args[i + 1])
    const isWhole = name === "minutes" || Number.isInteger(value)
    if (args[i + 1] === undefined || !(isWhole && least <= value && value <= most)) {
      throw new Error(`${args[i]} must be a number from ${least} to ${most}, not ${args[i + 1]}`)
    }
    given[name] = value
  }
  return { ...options, ...given, seed: given.seed ?? newSeed() }
}

/** The division of a run into rounds, each of which has a time of faults, and ends when the processes have settled. */
export interface Rounds {
  readonly count: number
  readonly faultMillis: number
}

const settlingMillis = 10_000
const expiryMillis = 30_000

export const roundsOf = ({ minutes }: Pick<Options, "minutes">): Rounds => {
  const count = Math.max(3, Math.floor(minutes))
  const roundMillis = (minutes * 60_000 - expiryMillis) / count
  return { count, faultMillis: Math.floor(roundMillis - settlingMillis) }
}
