import * as Predicate from "effect/Predicate"
import type { Figure as PolicyFigure, Policy } from "../core/policies/policy.ts"
import type { Counted } from "./live.ts"
import type { Figure } from "./schemas.ts"

type Figure = typeof Figure.Type

/** A policy and its window. */
interface Viewed {
  readonly policy: Policy<unknown>
  readonly window: unknown
}

/** The policies of a combination, each with its own window. */
const partsOf = ({ policy, window }: Viewed): ReadonlyArray<Viewed> => {
  // A combination's window is the list of its policies' windows.
  const windows = window as ReadonlyArray<unknown>
  return (policy.parts?.policies ?? []).map((part, i) => ({ policy: part, window: windows[i] }))
}

/**
 * The nearness of a window to tripping its policy, from 0 to 1; `null` for a custom policy, and without a window.
 *
 * @internal
 */
export const nearnessOf = (
  policy: Policy<unknown>,
  counted: Pick<Counted, "window" | "at"> | undefined
): number | null => {
  if (counted === undefined) return null
  const { at, window } = counted
  // Most windows are still empty, and need no figures.
  if (window === policy.initial && policy.isBuiltIn) return 0
  if (policy.parts === undefined) return nearnessOfFigures(policy.figures(window, at))
  const all = partsOf({ policy, window }).map((part) => nearnessOf(part.policy, { window: part.window, at }))
  const known = all.filter((it) => it !== null)
  if (policy.parts.needed === "any") return known.length === 0 ? null : Math.max(...known)
  return known.length < all.length ? null : Math.min(...known)
}

/**
 * A policy trips when all of its figures have reached their thresholds, so the figure that is farthest away decides.
 */
const nearnessOfFigures = (figures: ReadonlyArray<PolicyFigure>): number | null =>
  figures.length === 0
    ? null
    : figures.reduce((nearest, { threshold, value }) => Math.min(nearest, value / threshold), 1)

/**
 * The figures of a window and the thresholds of its policy. For a combination, they are those of its policies.
 *
 * @internal
 */
export const figuresOf = (policy: Policy<unknown>, window: unknown, now: number): ReadonlyArray<Figure> =>
  policy.parts === undefined
    ? policy
        .figures(window, now)
        .map(({ threshold, unit, value, what }) => ({ policy: nameOf(policy), what, value, threshold, unit }))
    : partsOf({ policy, window }).flatMap((part) => figuresOf(part.policy, part.window, now))

/**
 * The description of a policy: its name, and the thresholds that have to be reached.
 *
 * @internal
 */
export const policyText = (policy: Policy<unknown>): string => {
  const parts = policy.parts?.policies.map(policyText) ?? policy.figures(policy.initial, 0).map(thresholdText)
  return parts.length === 0 ? nameOf(policy) : `${nameOf(policy)}(${parts.join(", ")})`
}

/** The name of the constructor of a policy. */
const nameOf = ({ data }: Policy<unknown>): string =>
  Predicate.hasProperty(data, "_tag")
    ? `${String(data._tag).charAt(0).toLowerCase()}${String(data._tag).slice(1)}`
    : ""

const thresholdText = ({ threshold, unit, what }: PolicyFigure): string =>
  `${what}: at least ${unit === "Share" ? `${Math.round(threshold * 10_000) / 100} %` : threshold}`
