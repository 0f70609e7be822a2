import type { Redis } from "ioredis"
import { median } from "../statistics.ts"

/** What a server did, by its own account. */
export interface Work {
  /** Exchanges and compare-and-sets. */
  readonly commands: number
  /** Processor time of the whole server: scripts, network and all. */
  readonly micros: number
  readonly bytesIn: number
  readonly bytesOut: number
}

const read = async (redis: Redis): Promise<Work> => {
  const info = await redis.info("cpu", "stats", "commandstats")
  const of = (field: RegExp) => Number(field.exec(info)?.[1] ?? 0)
  return {
    commands: of(/cmdstat_evalsha:calls=(\d+)/) + of(/cmdstat_eval:calls=(\d+)/),
    micros: (of(/used_cpu_user:([\d.]+)/) + of(/used_cpu_sys:([\d.]+)/)) * 1e6,
    bytesIn: of(/total_net_input_bytes:(\d+)/),
    bytesOut: of(/total_net_output_bytes:(\d+)/)
  }
}

/** A part of some work, or so many times of it. */
export const times = (work: Work, factor: number): Work => ({
  commands: work.commands * factor,
  micros: work.micros * factor,
  bytesIn: work.bytesIn * factor,
  bytesOut: work.bytesOut * factor
})

export const plus = (a: Work, b: Work): Work => ({
  commands: a.commands + b.commands,
  micros: a.micros + b.micros,
  bytesIn: a.bytesIn + b.bytesIn,
  bytesOut: a.bytesOut + b.bytesOut
})

/** What a server does while something is done, reading its account aside. */
export const workOf = async (redis: Redis, action: () => Promise<unknown>): Promise<Work> => {
  const first = await read(redis)
  const before = await read(redis)
  await action()
  const after = await read(redis)
  return plus(plus(after, times(before, -1)), times(plus(before, times(first, -1)), -1))
}

export const medianOf = (works: ReadonlyArray<Work>): Work => {
  const of = (field: keyof Work) => median(works.map((it) => it[field]))
  return { commands: of("commands"), micros: of("micros"), bytesIn: of("bytesIn"), bytesOut: of("bytesOut") }
}
