import type * as MetricHook from "effect/MetricHook"
import * as MetricKey from "effect/MetricKey"
import * as MetricLabel from "effect/MetricLabel"
import type { Labels } from "./meters.ts"
import { zeroed } from "./meters.ts"

/** @internal */
export const storeFailing = MetricKey.gauge("circuit_breaker_store_failing", {
  description: "Breakers whose store does not answer, so that they use their own circuits."
})

/**
 * The metric of a breaker's store. It exists from the start, with the value zero.
 *
 * @internal
 */
export class StoreMeter {
  private isFailing = false
  private readonly gauge: MetricHook.MetricHook.Gauge<number>

  /** `common` are the labels that the program gives to all of its metrics. */
  constructor(breaker: string, common: Labels) {
    this.gauge = zeroed(storeFailing, [MetricLabel.make("breaker", breaker), ...common])
  }

  /** Records whether the store fails. */
  set(isFailing: boolean): void {
    if (isFailing === this.isFailing) return
    this.isFailing = isFailing
    this.gauge.modify(isFailing ? 1 : -1)
  }
}
