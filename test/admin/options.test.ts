/** Options of the administration that are out of range. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { decode } from "../../src/internal/admin/options.ts"
import { serve, test } from "./fixtures.ts"

const secret = "a secret text of 32 characters.."

describe("an option that is out of range", () => {
  for (const [options, message] of [
    [null, "CircuitAdmin must be given options (path, token, authorize"],
    [{ tokn: "x" }, 'CircuitAdmin: unknown option "tokn", the options are path, token'],
    [{ path: "circuits" }, 'CircuitAdmin: path must be a path of letters, digits and "-._~"'],
    [{ path: "/" }, "CircuitAdmin: path must be"],
    [{ path: "/a/" }, "CircuitAdmin: path must be"],
    [{ path: "/:id" }, 'received "/:id"'],
    [{ path: "/.." }, 'received "/.."'],
    [{ path: "/ops/./circuits" }, 'received "/ops/./circuits"'],
    [{ path: "/*" }, 'received "/*"'],
    [{ token: secret }, "CircuitAdmin: token must be a Redacted string"],
    [{ token: Redacted.make("") }, "CircuitAdmin: token must be at least 16 visible ASCII characters"],
    [{ token: Redacted.make("x".repeat(15)) }, "at least 16"],
    [{ token: Redacted.make(`${secret} `) }, "without spaces"],
    [{ token: Redacted.make(42) }, "CircuitAdmin: token must be"],
    [{ authorize: true }, "CircuitAdmin: authorize must be a function, received true"],
    [
      { token: Redacted.make("x".repeat(16)), authorize: () => Effect.succeed("ada") },
      "CircuitAdmin must be given either token or authorize, received both"
    ],
    [{ reads: "private" }, 'CircuitAdmin: reads must be "public" or "authorized", received "private"'],
    [{ reads: "authorized" }, 'CircuitAdmin: reads must be "public" where neither a token nor authorize'],
    [{ exposeCauses: "no" }, 'CircuitAdmin: exposeCauses must be true or false, received "no"'],
    [{ allowedOrigins: "https://a.example" }, "CircuitAdmin: allowedOrigins must be a list of origins"],
    [{ allowedOrigins: ["https://a.example/"] }, "CircuitAdmin: allowedOrigins must be"],
    [{ allowedOrigins: ["*"] }, "CircuitAdmin: allowedOrigins must be"],
    [{ longestOverride: 0 }, "CircuitAdmin: longestOverride must be a finite duration above 0, received 0"],
    [{ longestOverride: "999 millis" }, "from 1 second to 7 days"],
    [{ longestOverride: "8 days" }, "from 1 second to 7 days"],
    [{ longestOverride: Duration.infinity }, "CircuitAdmin: longestOverride must be a finite"],
    [{ maxOverrides: 0 }, "CircuitAdmin: maxOverrides must be an integer of at least 1, received 0"],
    [{ maxStreams: 1.5 }, "CircuitAdmin: maxStreams must be an integer of at least 1, received 1.5"],
    [{ path: null }, "CircuitAdmin: path must be"]
  ] as const) {
    it(`12.1 R3.5 is refused, and named, and a secret is not: ${message}`, () => {
      assert.throws(() => decode(options), RangeError, message)
      assert.throws(() => decode(options), /^(?!.*a secret text)/)
    })
  }

  test("12.1 R3.5 is a defect of the layer, when it is built", function* () {
    const cause = yield* Effect.flip(Effect.sandbox(serve({ maxStreams: 0 })))

    assert.include(String(cause), "RangeError: CircuitAdmin: maxStreams must be")
  })

  it("12.1 R3.5 defaults are read-only, and show no causes", () => {
    const settings = decode({})

    assert.deepStrictEqual(settings, {
      path: "/circuits",
      changes: { _tag: "Forbidden" },
      reads: "public",
      exposeCauses: false,
      allowedOrigins: [],
      longestOverrideMillis: 86_400_000,
      maxOverrides: 1_000,
      maxStreams: 20
    })
  })
})
