import type { Policy, SharedPolicy } from "../core/policies/policy.ts"

/**
 * What the nodes have to go by in common, and the text by which they know that they do.
 *
 * @internal
 */
export interface Rules {
  readonly policy: SharedPolicy<unknown>
  readonly name: string
}

/**
 * The shortest window of a policy that goes by time, in milliseconds; infinite where none does.
 *
 * @internal
 */
export const shortestSpanOf = ({ spans }: Policy<unknown>): number => Math.min(Infinity, ...spans)

/**
 * The longest one that ends; zero where none does.
 *
 * @internal
 */
export const spanOf = ({ spans }: Policy<unknown>): number => Math.max(0, ...spans.filter(Number.isFinite))
