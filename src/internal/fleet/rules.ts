import type { SharedPolicy } from "../core/share.ts"

/**
 * What the nodes have to go by in common, and the text by which they know that they do.
 *
 * @internal
 */
export interface Rules {
  readonly policy: SharedPolicy<unknown>
  readonly name: string
}
