/** The types of the operations. `tsc --noEmit` checks them; running them only proves that they exist. */
import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import {
  CircuitBreaker,
  type CircuitOpenError,
  Outcome,
  type Transition,
  TripPolicy
} from "effect-circuit-breaker"

class NotFound {
  readonly _tag = "NotFound"
  readonly path = "/"
}

class Unavailable {
  readonly _tag = "Unavailable"
  readonly status = 503
}

class Host extends Context.Tag("Host")<Host, string>() {}
class Payments extends CircuitBreaker.Service<Payments>()("Payments") {}

type Failures = NotFound | Unavailable
type Breaker = CircuitBreaker.CircuitBreaker
type Charge = Effect.Effect<number, Failures, Host>
type Charged<Needs> = Effect.Effect<number, Failures | CircuitOpenError, Host | Needs>

const charge: Charge = Effect.gen(function* () {
  const host = yield* Host
  if (host === "") return yield* Effect.fail(new NotFound())
  if (host === "down") return yield* Effect.fail(new Unavailable())
  return 1
})

/** The environments of the operations: none for a breaker, its tag for the accessors, its class for a service. */
const everyForm = <Needs>({ protect, protectWith }: CircuitBreaker.Operations<Needs>) => {
  type Result = Charged<Needs>

  expectTypeOf(protect(charge)).toEqualTypeOf<Result>()
  expectTypeOf(charge.pipe(protect)).toEqualTypeOf<Result>()

  expectTypeOf(charge.pipe(protectWith({}))).toEqualTypeOf<Result>()
  expectTypeOf(charge.pipe(protectWith({ key: "eu" }))).toEqualTypeOf<Result>()
  expectTypeOf(protectWith({ key: "eu" })(charge)).toEqualTypeOf<Result>()
  expectTypeOf(protectWith(charge, {})).toEqualTypeOf<Result>()
  expectTypeOf(protectWith(charge, { key: "eu" })).toEqualTypeOf<Result>()
  expectTypeOf(protectWith(charge, { key: undefined, classify: undefined })).toEqualTypeOf<Result>()

  const classify = (exit: Exit.Exit<number, Failures>) => Outcome.fromExit(exit)
  expectTypeOf(charge.pipe(protectWith({ classify }))).toEqualTypeOf<Result>()
  expectTypeOf(charge.pipe(protectWith({ key: "eu", classify }))).toEqualTypeOf<Result>()
  expectTypeOf(protectWith({ key: "eu", classify })(charge)).toEqualTypeOf<Result>()
  expectTypeOf(protectWith(charge, { classify })).toEqualTypeOf<Result>()
  expectTypeOf(protectWith(charge, { key: "eu", classify })).toEqualTypeOf<Result>()

  const dataLast = charge.pipe(
    protectWith({
      classify: (exit) => {
        expectTypeOf(exit).toEqualTypeOf<Exit.Exit<number, Failures>>()
        return Outcome.success
      }
    })
  )
  expectTypeOf(dataLast).toEqualTypeOf<Result>()

  const dataFirst = protectWith(charge, {
    key: "eu",
    classify: (exit) => {
      expectTypeOf(exit).toEqualTypeOf<Exit.Exit<number, Failures>>()
      return Outcome.success
    }
  })
  expectTypeOf(dataFirst).toEqualTypeOf<Result>()

  const withClassifier = charge.pipe(
    protectWith({
      classify: Outcome.ignoreWhen((error) => {
        expectTypeOf(error).toEqualTypeOf<Failures>()
        return error._tag === "NotFound"
      })
    })
  )
  expectTypeOf(withClassifier).toEqualTypeOf<Result>()
  expectTypeOf(charge.pipe(protectWith({ classify: Outcome.fromExit }))).toEqualTypeOf<Result>()
  expectTypeOf(protectWith(charge, { classify: Outcome.fromExit })).toEqualTypeOf<Result>()

  const throughAPipe = charge.pipe(
    Effect.map((amount) => ({ amount })),
    protect,
    Effect.tap(({ amount }) => expectTypeOf(amount).toEqualTypeOf<number>()),
    protectWith({ key: "eu" }),
    Effect.catchTag("NotFound", ({ path }) => Effect.succeed(path))
  )
  expectTypeOf(throughAPipe).toEqualTypeOf<
    Effect.Effect<string | { amount: number }, Unavailable | CircuitOpenError, Host | Needs>
  >()
}

describe("R3.1.2 the types of a protected effect", () => {
  it.scoped("R3.1.2 E gains exactly CircuitOpenError, R nothing from a breaker at hand", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make()

      everyForm<never>(breaker)

      expectTypeOf(breaker.protect(Effect.succeed(1))).toEqualTypeOf<
        Effect.Effect<number, CircuitOpenError>
      >()
      expectTypeOf(breaker.protect(Effect.never)).toEqualTypeOf<Effect.Effect<never, CircuitOpenError>>()
      assert.strictEqual(yield* Effect.provideService(breaker.protect(charge), Host, "eu"), 1)
    })
  )

  it("R3.1.2 R gains exactly the breaker from the accessors", () => {
    everyForm<Breaker>(CircuitBreaker)

    expectTypeOf(CircuitBreaker.protect(Effect.succeed(1))).toEqualTypeOf<
      Effect.Effect<number, CircuitOpenError, Breaker>
    >()
    expectTypeOf<Context.Tag.Identifier<typeof CircuitBreaker.CircuitBreaker>>().toEqualTypeOf<Breaker>()
    expectTypeOf<Context.Tag.Service<typeof CircuitBreaker.CircuitBreaker>>().toEqualTypeOf<Breaker>()
  })

  it("R3.1.2 R gains exactly the class from a Service", () => {
    everyForm<Payments>(Payments)

    expectTypeOf(Payments.protect(Effect.succeed(1))).toEqualTypeOf<
      Effect.Effect<number, CircuitOpenError, Payments>
    >()
    expectTypeOf(Payments.protect(charge)).not.toEqualTypeOf<Charged<Breaker>>()
    expectTypeOf<Context.Tag.Identifier<typeof Payments>>().toEqualTypeOf<Payments>()
    expectTypeOf<Context.Tag.Service<typeof Payments>>().toEqualTypeOf<Breaker>()
    expectTypeOf(Payments.key).toEqualTypeOf<"effect-circuit-breaker/Payments">()
  })

  it("R3.1.2 nested breakers add one error and each their own need", () => {
    const nested = charge.pipe(Payments.protect, CircuitBreaker.protect)

    expectTypeOf(nested).toEqualTypeOf<
      Effect.Effect<number, Failures | CircuitOpenError, Host | Payments | Breaker>
    >()
  })

  it("R3.1.2 generics survive a pipe", () => {
    const guarded = <A, E, R>(effect: Effect.Effect<A, E, R>) => effect.pipe(CircuitBreaker.protect)
    const keyed = <A, E, R>(effect: Effect.Effect<A, E, R>, key: string) =>
      effect.pipe(Payments.protectWith({ key }))
    const classified = <A, R>(effect: Effect.Effect<A, Failures, R>) =>
      effect.pipe(Payments.protectWith({ classify: Outcome.failWhen(({ _tag }) => _tag === "Unavailable") }))

    expectTypeOf(guarded).toEqualTypeOf<
      <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | CircuitOpenError, R | Breaker>
    >()
    expectTypeOf(guarded(charge)).toEqualTypeOf<Charged<Breaker>>()
    expectTypeOf(keyed(charge, "eu")).toEqualTypeOf<Charged<Payments>>()
    expectTypeOf(classified(charge)).toEqualTypeOf<Charged<Payments>>()
  })

  it("R3.1.2 protect has one signature, so that it can be passed on", () => {
    const all = [charge, charge].map(Payments.protect)
    const composed = (effect: Charge) => Payments.protect(CircuitBreaker.protect(effect))

    expectTypeOf(all).toEqualTypeOf<Array<Charged<Payments>>>()
    expectTypeOf(composed).returns.toEqualTypeOf<Charged<Payments | Breaker>>()
  })

  it("R3.1.2 what is no classifier of the effect is refused", () => {
    type OfCharge = CircuitBreaker.ProtectOptions<number, Failures>

    expectTypeOf<{ classify: (exit: Exit.Exit<number, Failures>) => Outcome.Outcome }>().toExtend<OfCharge>()
    expectTypeOf<{ classify: (exit: Exit.Exit<unknown, unknown>) => Outcome.Outcome }>().toExtend<OfCharge>()
    expectTypeOf<{
      classify: (exit: Exit.Exit<number, NotFound>) => Outcome.Outcome
    }>().not.toExtend<OfCharge>()
    expectTypeOf<{
      classify: (exit: Exit.Exit<string, Failures>) => Outcome.Outcome
    }>().not.toExtend<OfCharge>()
    expectTypeOf<{ classify: () => boolean }>().not.toExtend<OfCharge>()
    expectTypeOf<{ key: number }>().not.toExtend<OfCharge>()
  })

  it("R3.1.2 the rejection is a typed error that can be caught by its tag and yielded", () => {
    const caught = Effect.catchTag(Payments.protect(charge), "CircuitOpenError", (error) => {
      expectTypeOf(error).toEqualTypeOf<CircuitOpenError>()
      return Effect.succeed(error.state)
    })

    expectTypeOf(caught).toEqualTypeOf<
      Effect.Effect<number | "Open" | "HalfOpen" | "Recovering" | "Isolated", Failures, Host | Payments>
    >()
    expectTypeOf<CircuitOpenError>().toExtend<Cause.YieldableError>()
    expectTypeOf<CircuitOpenError>().toExtend<Error>()
  })
})

/** The types of the other operations, in each environment. */
interface Expected<Needs> {
  readonly state: (key?: string) => Effect.Effect<CircuitBreaker.CircuitState, never, Needs>
  readonly snapshot: (key?: string) => Effect.Effect<CircuitBreaker.CircuitSnapshot, never, Needs>
  readonly circuits: Effect.Effect<ReadonlyArray<CircuitBreaker.CircuitSnapshot>, never, Needs>
  readonly transitions: Stream.Stream<Transition.Transition, never, Needs>
  readonly trip: (key?: string) => Effect.Effect<void, never, Needs>
  readonly reset: (key?: string) => Effect.Effect<void, never, Needs>
  readonly isolate: (key?: string) => Effect.Effect<void, never, Needs | Scope.Scope>
  readonly awaitReady: (key?: string) => Effect.Effect<void, never, Needs>
}

describe("R3.3 the types of the other operations", () => {
  it("R3.3 are those of the contract, for a breaker, the accessors and a Service", () => {
    type Others = keyof Expected<never>

    expectTypeOf<Pick<Breaker, Others>>().toEqualTypeOf<Expected<never>>()
    expectTypeOf<Pick<typeof CircuitBreaker, Others>>().toEqualTypeOf<Expected<Breaker>>()
    expectTypeOf<Pick<typeof Payments, Others>>().toEqualTypeOf<Expected<Payments>>()
    expectTypeOf<Breaker["name"]>().toEqualTypeOf<string>()
  })

  it("R3.3 an isolation asks for a scope and for nothing else", () => {
    expectTypeOf(Effect.scoped(Payments.isolate("eu"))).toEqualTypeOf<Effect.Effect<void, never, Payments>>()
  })

  it("R3.4 states and transitions are unions that are distinguished by their tags", () => {
    type State = CircuitBreaker.CircuitState

    expectTypeOf<State["_tag"]>().toEqualTypeOf<Transition.StateTag>()
    expectTypeOf<keyof Extract<State, { _tag: "Closed" | "Isolated" }>>().toEqualTypeOf<"_tag">()
    expectTypeOf<keyof Extract<State, { _tag: "Open" }>>().toEqualTypeOf<"_tag" | "retryAfter" | "openings">()
    expectTypeOf<Extract<Transition.Transition, { to: "Open" }>["reason"]>().toEqualTypeOf<
      "Tripped" | "ProbeFailed" | "Manual"
    >()
    expectTypeOf<Exclude<Transition.Transition, { to: "Open" }>>().not.toHaveProperty("retryAfter")
    expectTypeOf<Exclude<Transition.Transition, { to: "Open" }>["to"]>().toEqualTypeOf<
      Exclude<Transition.StateTag, "Open">
    >()
  })

  it("R3.5 a policy is made by a constructor, never written by hand", () => {
    expectTypeOf<{
      readonly _tag: "Consecutive"
      readonly failures: number
    }>().not.toExtend<TripPolicy.TripPolicy>()
    expectTypeOf(TripPolicy.consecutive(3)).toExtend<CircuitBreaker.Options["tripPolicy"]>()
  })

  it("R3.2.1 a policy of one's own is typed by its state", () => {
    const policy = TripPolicy.make({
      initial: { failures: 0 },
      record: (state, call) => {
        expectTypeOf(state).toEqualTypeOf<{ failures: number }>()
        expectTypeOf(call).toEqualTypeOf<TripPolicy.Call>()
        return { failures: state.failures + (call.outcome._tag === "Failure" ? 1 : 0) }
      },
      trips: (state, now) => {
        expectTypeOf(now).toEqualTypeOf<number>()
        return state.failures > 2
      }
    })

    expectTypeOf(policy).toEqualTypeOf<TripPolicy.TripPolicy>()
  })
})
