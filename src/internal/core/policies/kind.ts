import type { Policy } from "./policy.ts"

/**
 * A kind of trip policy: the options that its policies have, by name, and how they make a policy.
 *
 * @internal
 */
export interface Kind<Name extends string = string> {
  /** Every option there is. Options of the same name have the same form in every kind. */
  readonly options: Readonly<Record<Name, OptionForm>>
  /** None where policies of this kind cannot be read from configuration. */
  readonly config: ConfigForm<Name> | undefined
  /** Checks the options, of which nothing is known but their names, and makes the policy. */
  compile(options: Readonly<Record<Name, unknown>>, check: Check): Policy<unknown>
}

/**
 * The property in which a policy of the public module carries its kind. It is the same in every copy of this package.
 *
 * @since 0.1.0
 * @category symbols
 */
export const kindKey: unique symbol = Symbol.for("effect-circuit-breaker/TripPolicy/kind/1")

/**
 * A policy of the public module. It carries the code of its kind, so that a program loads only the kinds that it uses.
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
  /** The options that it cannot do without: of each list, at least one. */
  readonly needs: ReadonlyArray<ReadonlyArray<Name>>
}

/**
 * The checks of single options of one policy. Each returns the value in the form in which the core takes it, or throws
 * an error that names the option, the value and what is allowed. Where `otherwise` is given, it is the value of an
 * option that was left out.
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
  /** Refuses options for what they are together. */
  refuseTogether(allowed: string, received: string): never
}
