import type { Policy } from "./policy.ts"

/**
 * A kind of trip policy: its options by name, and the function that makes a policy from them.
 *
 * @internal
 */
export interface Kind<Name extends string = string> {
  /** All options of this kind. An option has the same form in every kind that has it. */
  readonly options: Readonly<Record<Name, OptionForm>>
  /** `undefined` if policies of this kind cannot be read from configuration. */
  readonly config: ConfigForm<Name> | undefined
  /** Checks the options, whose values may be anything, and makes the policy. */
  compile(options: Readonly<Record<Name, unknown>>, check: Check): Policy<unknown>
}

/**
 * The property in which a `TripPolicy` carries its kind. It is the same in every copy of this package.
 *
 * @since 0.1.0
 * @category symbols
 */
export const kindKey: unique symbol = Symbol.for("effect-circuit-breaker/TripPolicy/kind/1")

/**
 * A `TripPolicy` of a kind. It carries the code of that kind, so that a program bundles only the kinds that it uses.
 *
 * @since 0.1.0
 * @category models
 */
export interface OfKind<Name extends string> {
  readonly [kindKey]: { readonly options: Readonly<Record<Name, unknown>> }
}

/**
 * The form of an option in configuration; `null` for an option that cannot be configured.
 *
 * @internal
 */
export type OptionForm = "integer" | "number" | "duration" | null

/** @internal */
export interface ConfigForm<Name extends string = string> {
  /** The name of this kind in configuration. */
  readonly type: string
  /** The required options: at least one of each list. */
  readonly needs: ReadonlyArray<ReadonlyArray<Name>>
}

/**
 * The checks of a policy's options. Each returns the value in the form that the core uses, or throws an error that
 * names the option, the received value and the allowed range. `otherwise` is the default of an option that was left
 * out.
 *
 * @internal
 */
export interface Check {
  /** An integer of at least 1. */
  count(option: string, value: unknown, otherwise?: number): number
  /** A number above 0 and at most 1. */
  ratio(option: string, value: unknown): number
  /** A duration above 0. */
  positiveMillis(option: string, value: unknown): number
  /** A duration above 0 that is not infinite. */
  finiteMillis(option: string, value: unknown): number
  callable(option: string, value: unknown): void
  /** A list of at least one policy. */
  policies(option: string, value: unknown): ReadonlyArray<Policy<unknown>>
  /** Refuses the value of an option. */
  refuse(option: string, allowed: string, value: unknown): never
  /** Refuses a combination of options. */
  refuseTogether(allowed: string, received: string): never
}
