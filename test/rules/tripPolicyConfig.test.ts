import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { TripPolicy } from "effect-circuit-breaker"

describe("R3.5 TripPolicy.config", () => {
  const read = (entries: Record<string, string>) =>
    TripPolicy.config("TRIP").pipe(
      Effect.withConfigProvider(
        ConfigProvider.fromMap(new Map(Object.entries(entries).map(([key, value]) => [`TRIP.${key}`, value])))
      )
    )

  it.effect("R3.5 reads every kind of policy, with every option", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read({ TYPE: "consecutive", FAILURES: "3" }), TripPolicy.consecutive(3))
      assert.deepStrictEqual(
        yield* read({ TYPE: "failureCount", FAILURES: "4", WITHIN: "60 seconds" }),
        TripPolicy.failureCount({ failures: 4, within: Duration.seconds(60) })
      )
      assert.deepStrictEqual(
        yield* read({
          TYPE: "failureRate",
          THRESHOLD: "0.1",
          WITHIN: "2 minutes",
          MINIMUM_CALLS: "20",
          MINIMUM_FAILURES: "5",
          BUCKETS: "12"
        }),
        TripPolicy.failureRate({
          threshold: 0.1,
          within: Duration.minutes(2),
          minimumCalls: 20,
          minimumFailures: 5,
          buckets: 12
        })
      )
      assert.deepStrictEqual(
        yield* read({ TYPE: "slowCallRate", SLOWER_THAN: "2 seconds", THRESHOLD: "1", CALLS: "100" }),
        TripPolicy.slowCallRate({ slowerThan: Duration.seconds(2), threshold: 1, calls: 100 })
      )
    })
  )

  it.effect("R3.5 reads without a name, too", () =>
    Effect.gen(function* () {
      const provider = ConfigProvider.fromMap(
        new Map([
          ["TYPE", "consecutive"],
          ["FAILURES", "2"]
        ])
      )

      const policy = yield* Effect.withConfigProvider(TripPolicy.config(), provider)

      assert.deepStrictEqual(policy, TripPolicy.consecutive(2))
    })
  )

  it.effect("R3.5 D6 reads an infinite window, in which failures count until the circuit closes", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* read({ TYPE: "failureCount", FAILURES: "3", WITHIN: "Infinity" }),
        TripPolicy.failureCount({ failures: 3, within: Duration.infinity })
      )
    })
  )

  const needed: Record<string, ReadonlyArray<string>> = {
    consecutive: ["FAILURES"],
    failureCount: ["FAILURES", "WITHIN"],
    failureRate: ["THRESHOLD", "WITHIN or CALLS"],
    slowCallRate: ["SLOWER_THAN", "THRESHOLD", "WITHIN or CALLS"]
  }

  for (const [type, options] of Object.entries(needed)) {
    it.effect(`R3.5 E24 reports missing data for every option that a ${type} needs`, () =>
      Effect.gen(function* () {
        const message = String(yield* Effect.flip(read({ TYPE: type })))

        for (const option of options) {
          for (const name of option.split(" or ")) assert.include(message, `Missing data at TRIP.${name}: `)
        }
        assert.strictEqual(
          message.split("Missing data").length - 1,
          options.join(" or ").split(" or ").length
        )
      })
    )
  }

  const { constantCase, fromMap, nested } = ConfigProvider
  const shop = nested(fromMap(new Map([["SHOP.TRIP.TYPE", "consecutive"]])), "SHOP")
  const constant = constantCase(fromMap(new Map([["TRIP.TYPE", "consecutive"]])))

  for (const [provider, config, fullName] of [
    [shop, TripPolicy.config("TRIP"), "SHOP.TRIP.FAILURES"],
    [constant, TripPolicy.config("trip"), "TRIP.FAILURES"],
    [constant, Config.nested(TripPolicy.config(), "trip"), "TRIP.FAILURES"]
  ] as const) {
    it.effect(`R3.5 E24 a missing option has the full name that its provider gives it, ${fullName}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Effect.withConfigProvider(config, provider))

        assert.isTrue(ConfigError.isMissingDataOnly(error))
        assert.deepInclude(error, { _op: "MissingData", path: fullName.split(".") })
      })
    )
  }

  const bad: Record<string, readonly [entries: Record<string, string>, says: RegExp]> = {
    "no TYPE": [{ FAILURES: "3" }, /TYPE/],
    "an unknown TYPE": [{ TYPE: "nth", FAILURES: "3" }, /TYPE.*consecutive/s],
    "E24 no FAILURES": [{ TYPE: "consecutive" }, /Missing data at TRIP\.FAILURES: [^()]*\)$/],
    "FAILURES of 0": [{ TYPE: "consecutive", FAILURES: "0" }, /failures.*at least 1.*0/i],
    "negative FAILURES": [{ TYPE: "consecutive", FAILURES: "-1" }, /failures.*at least 1.*-1/i],
    "a fraction for FAILURES": [{ TYPE: "consecutive", FAILURES: "2.5" }, /FAILURES.*integer.*2\.5/s],
    "FAILURES that are no number": [{ TYPE: "consecutive", FAILURES: "many" }, /FAILURES.*integer.*many/s],
    "a THRESHOLD of 0": [{ TYPE: "failureRate", THRESHOLD: "0", CALLS: "5" }, /threshold.*above 0.*0/i],
    "a THRESHOLD above 1": [
      { TYPE: "failureRate", THRESHOLD: "50", CALLS: "5" },
      /threshold.*at most 1.*50/i
    ],
    "a THRESHOLD that is NaN": [{ TYPE: "failureRate", THRESHOLD: "NaN", CALLS: "5" }, /threshold/i],
    "E24 no window": [
      { TYPE: "failureRate", THRESHOLD: "0.5" },
      /Missing data at TRIP\.WITHIN.* or .*Missing data at TRIP\.CALLS/
    ],
    "a WITHIN of 0": [{ TYPE: "failureRate", THRESHOLD: "0.5", WITHIN: "0 seconds" }, /within.*above 0.*0/i],
    "an infinite WITHIN of a rate": [
      { TYPE: "failureRate", THRESHOLD: "0.5", WITHIN: "Infinity" },
      /within.*(finite|duration)/is
    ],
    "a WITHIN that is no duration": [
      { TYPE: "failureCount", FAILURES: "4", WITHIN: "a while" },
      /WITHIN.*duration.*a while/s
    ],
    "E24 SLOWER_THAN missing": [
      { TYPE: "slowCallRate", THRESHOLD: "1", CALLS: "5" },
      /Missing data at TRIP\.SLOWER_THAN/
    ],
    "a negative WITHIN": [
      { TYPE: "failureCount", FAILURES: "4", WITHIN: "-1 seconds" },
      /TRIP\.WITHIN.*duration.*-1 seconds/s
    ],
    "an option of another TYPE of rate": [
      { TYPE: "failureRate", THRESHOLD: "1", CALLS: "5", SLOWER_THAN: "1 second" },
      /slowerThan/
    ],
    "an option of another TYPE": [{ TYPE: "consecutive", FAILURES: "4", WITHIN: "60 seconds" }, /within/]
  }

  for (const [what, [entries, says]] of Object.entries(bad)) {
    it.effect(`R3.5 ${what} is a ConfigError`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(read(entries))

        assert.isTrue(ConfigError.isConfigError(error))
        assert.match(String(error), says)
      })
    )
  }
})
