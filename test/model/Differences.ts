/** Describes a difference between the model and the library. */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Exit from "effect/Exit"
import { describeCause } from "./Ending.ts"
import type { RealCall } from "./RealBreaker.ts"

export const json = (value: unknown): string =>
  JSON.stringify(value, (_, field) => (field === Infinity ? "Infinity" : field))

export const whatBecameOf = (call: RealCall): string => {
  const exit = call.exit()
  return exit !== null ? describeExit(exit) : call.started ? "runs" : "neither started nor ended"
}

export const describeExit = (exit: Exit.Exit<unknown, unknown> | null): string => {
  if (exit === null) return "nothing yet"
  if (Exit.isSuccess(exit)) return `succeeds with ${describeCause(Cause.fail(exit.value))}`
  const failures = Chunk.toReadonlyArray(Cause.failures(exit.cause))
  const defects = Chunk.toReadonlyArray(Cause.defects(exit.cause))
  return [
    ...failures.map((failure) => `fails with ${describeCause(Cause.fail(failure))}`),
    ...defects.map((defect) => `dies with ${describeCause(Cause.die(defect))}`),
    ...(Cause.isInterrupted(exit.cause) ? ["interrupted"] : [])
  ].join(", ")
}

export const byKey = (snapshots: unknown): unknown =>
  Array.isArray(snapshots)
    ? Object.fromEntries(snapshots.map((snapshot) => [snapshot.key, snapshot]))
    : snapshots

/** One line for each place where the two differ. A cause that the model leaves open is not compared. */
export const differencesOf = (where: string, model: unknown, real: unknown): ReadonlyArray<string> => {
  if (Object.is(model, real)) return []
  if (isRecord(model) && isRecord(real)) {
    // Written for speed: every step of every history is compared in full.
    const found: Array<string> = []
    const compare = (name: string): void => {
      if (Object.is(model[name], real[name]) || (name === "cause" && model[name] === undefined)) return
      found.push(...differencesOf(where === "" ? name : `${where}.${name}`, model[name], real[name]))
    }
    for (const name of Object.keys(model)) compare(name)
    for (const name of Object.keys(real)) if (!(name in model)) compare(name)
    return found
  }
  const isClose = typeof model === "number" && typeof real === "number" && Math.abs(model - real) < 1e-9
  return isClose ? [] : [`${where}: model ${json(model)}, library ${json(real)}`]
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null
