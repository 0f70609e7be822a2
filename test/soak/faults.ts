/** Which faults happen when: the plan of a round, which follows from the seed. */
import type { Random } from "./random.ts"
import { random } from "./random.ts"

/** Each happens to the server, to the connections of one process, or to one process. */
export type Kind = keyof typeof kinds

/** The duration of each fault in milliseconds, and its weight among those of its target. */
const kinds = {
  "server killed, back with its data": { target: "server", lasts: [300, 3_000], weight: 2 },
  "server killed, back empty": { target: "server", lasts: [300, 3_000], weight: 2 },
  "server frozen": { target: "server", lasts: [200, 3_000], weight: 2 },
  "server paused": { target: "server", lasts: [100, 1_500], weight: 1 },
  "all connections killed": { target: "server", lasts: [0, 0], weight: 2 },
  "all subscriptions killed": { target: "server", lasts: [0, 0], weight: 2 },
  "scripts flushed": { target: "server", lasts: [0, 0], weight: 2 },
  "data flushed": { target: "server", lasts: [0, 0], weight: 1 },
  "connections delayed": { target: "connection", lasts: [300, 3_000], weight: 3 },
  "connections cut": { target: "connection", lasts: [100, 3_000], weight: 2 },
  "connections reset": { target: "connection", lasts: [0, 0], weight: 2 },
  "connections silent": { target: "connection", lasts: [500, 4_000], weight: 1 },
  "process frozen": { target: "process", lasts: [100, 3_000], weight: 5 },
  "process killed": { target: "process", lasts: [200, 2_000], weight: 1 }
} as const satisfies Record<string, Chances>

interface Chances {
  readonly target: Target
  readonly lasts: readonly [least: number, most: number]
  readonly weight: number
}

type Target = "server" | "connection" | "process"

export interface Fault {
  readonly kind: Kind
  /** When it begins and ends, in milliseconds since the round began. */
  readonly from: number
  readonly to: number
  /** Its target: `server`, or a process or its connections with the number of the process. */
  readonly target: string
  /** The process; none if it happens to the server. */
  readonly process: number | undefined
  /** The delay of answers in milliseconds. */
  readonly delayMillis: number
}

/** The pauses between the faults of one target, in milliseconds. */
const pauses: Readonly<Record<Target, readonly [number, number]>> = {
  server: [1_000, 6_000],
  connection: [1_000, 9_000],
  process: [3_000, 15_000]
}

/**
 * The faults of a round, by the time at which they begin. Those of one target follow each other, and those of different
 * targets may overlap. The first process is never killed, so that its memory can be compared over the whole run.
 */
export const faultsOf = (
  seed: number,
  round: number,
  { faultMillis, processes }: { readonly faultMillis: number; readonly processes: number }
): ReadonlyArray<Fault> => {
  const faults: Array<Fault> = []
  const plan = (target: Target, process: number | undefined): void => {
    const source = random(seed, `round ${round}, faults of ${target} ${process ?? ""}`)
    const possible = kindsOf(target, process)
    for (let from = source.between(...pauses[target]); ; from += source.between(...pauses[target])) {
      const kind = source.pick(possible)
      const { lasts }: Chances = kinds[kind]
      const to = from + source.between(...lasts)
      if (to > faultMillis) return
      faults.push({
        kind,
        from,
        to,
        target: `${target} ${process ?? ""}`,
        process,
        delayMillis: delay(source)
      })
      from = to
    }
  }
  plan("server", undefined)
  for (let process = 0; process < processes; process++) {
    plan("connection", process)
    plan("process", process)
  }
  return faults.sort((a, b) => a.from - b.from)
}

const kindsOf = (target: Target, process: number | undefined): ReadonlyArray<Kind> =>
  Object.entries(kinds).flatMap(([kind, it]) =>
    it.target === target && !(kind === "process killed" && process === 0)
      ? Array.from({ length: it.weight }, () => kind as Kind)
      : []
  )

const delay = (source: Random): number => source.between(10, 600)
