/**
 * The work of a Redis, by its own account.
 */
import type { Redis } from "ioredis"

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

const combine = (works: ReadonlyArray<Work>, figure: (values: ReadonlyArray<number>) => number): Work => {
  const of = (field: keyof Work) => figure(works.map((work) => work[field]))
  return { commands: of("commands"), micros: of("micros"), bytesIn: of("bytesIn"), bytesOut: of("bytesOut") }
}

/** A part of some work, or so many times as much. */
export const times = (work: Work, factor: number): Work => combine([work], ([value = 0]) => value * factor)

export const plus = (...works: ReadonlyArray<Work>): Work =>
  combine(works, (values) => values.reduce((sum, value) => sum + value, 0))

export const medianOf = (works: ReadonlyArray<Work>): Work =>
  combine(works, (values) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0)

/** The work of the server during an action, without that of reading its statistics. */
export const workOf = async (redis: Redis, action: () => Promise<unknown>): Promise<Work> => {
  const first = await read(redis)
  const before = await read(redis)
  await action()
  const after = await read(redis)
  const reading = plus(before, times(first, -1))
  return plus(after, times(before, -1), times(reading, -1))
}

/** The work of the server for each command that an action sends. */
export const workOfOne = async (redis: Redis, action: () => Promise<unknown>): Promise<Work> => {
  const works: Array<Work> = []
  for (let i = 0; i < 3; i++) {
    const work = await workOf(redis, action)
    works.push(times(work, 1 / work.commands))
  }
  return medianOf(works)
}
