/** The types of the guarded client. `tsc --noEmit` checks them. */
import { describe, expectTypeOf, it } from "@effect/vitest"
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError, ResponseError } from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { CircuitBreaker, type CircuitOpenError, Outcome } from "effect-circuit-breaker"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"

type With<E, R> = HttpClient.HttpClient.With<E, R>
type Breaker = CircuitBreaker.CircuitBreaker
type GuardedPlain = With<HttpClientError | CircuitOpenError, Breaker>
type GuardedOwn = With<HttpClientError | Unfit | CircuitOpenError, Host | Breaker>

class Unfit {
  readonly _tag = "Unfit"
}

class Host extends Context.Tag("Host")<Host, string>() {}
class Payments extends CircuitBreaker.Service<Payments>()("Payments") {}

const plain = HttpClient.make((request) =>
  Effect.succeed(HttpClientResponse.fromWeb(request, new Response()))
)

/** A client with its own error and environment. */
const own: With<HttpClientError | Unfit, Host> = HttpClient.tap(plain, () =>
  Effect.flatMap(Host, (host) => (host === "" ? Effect.fail(new Unfit()) : Effect.void))
)

const { protect } = CircuitHttpClient

describe("the types of a guarded client", () => {
  it("CircuitHttpClient: keeps the client's own E and R, and adds CircuitOpenError and the breaker", () => {
    expectTypeOf(protect(plain)).toEqualTypeOf<GuardedPlain>()
    expectTypeOf(protect(plain, {})).toEqualTypeOf<GuardedPlain>()
    expectTypeOf(plain.pipe(protect())).toEqualTypeOf<GuardedPlain>()
    expectTypeOf(plain.pipe(protect({}))).toEqualTypeOf<GuardedPlain>()
    expectTypeOf(protect()(plain)).toEqualTypeOf<GuardedPlain>()

    expectTypeOf(protect(own)).toEqualTypeOf<GuardedOwn>()
    expectTypeOf(protect(own, {})).toEqualTypeOf<GuardedOwn>()
    expectTypeOf(own.pipe(protect())).toEqualTypeOf<GuardedOwn>()
    expectTypeOf(own.pipe(protect({ key: () => "eu" }))).toEqualTypeOf<GuardedOwn>()
    expectTypeOf(protect(own, { respondWhenRejected: false })).toEqualTypeOf<GuardedOwn>()
  })

  it.scoped("CircuitHttpClient: a given breaker adds nothing to R", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make()
      type Own = With<HttpClientError | Unfit | CircuitOpenError, Host>

      expectTypeOf(protect(plain, { breaker })).toEqualTypeOf<
        With<HttpClientError | CircuitOpenError, never>
      >()
      expectTypeOf(protect(own, { breaker })).toEqualTypeOf<Own>()
      expectTypeOf(own.pipe(protect({ breaker }))).toEqualTypeOf<Own>()
      expectTypeOf(own.pipe(protect({ breaker, key: () => "eu" }))).toEqualTypeOf<Own>()
      expectTypeOf(Effect.map(Payments, (breaker) => protect(own, { breaker }))).toEqualTypeOf<
        Effect.Effect<Own, never, Payments>
      >()

      const maybe: { readonly breaker: Breaker | undefined } = { breaker }
      expectTypeOf(protect(own, maybe)).toEqualTypeOf<GuardedOwn>()
    })
  )

  it.scoped("CircuitHttpClient: rejections that are answered add no CircuitOpenError", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make()
      type Own = With<HttpClientError | Unfit, Host | Breaker>

      expectTypeOf(protect(own, { respondWhenRejected: true })).toEqualTypeOf<Own>()
      expectTypeOf(protect(own, { respondWhenRejected: {} })).toEqualTypeOf<Own>()
      expectTypeOf(protect(own, { respondWhenRejected: { status: 500 } })).toEqualTypeOf<Own>()
      expectTypeOf(own.pipe(protect({ respondWhenRejected: true }))).toEqualTypeOf<Own>()
      expectTypeOf(own.pipe(protect({ respondWhenRejected: { status: 500 } }))).toEqualTypeOf<Own>()

      // This suffices wherever a client is expected.
      expectTypeOf(
        protect(plain, { breaker, respondWhenRejected: true })
      ).toEqualTypeOf<HttpClient.HttpClient>()
      expectTypeOf(
        plain.pipe(protect({ breaker, respondWhenRejected: { status: 500 } }))
      ).toEqualTypeOf<HttpClient.HttpClient>()

      const respondWhenRejected: boolean = HttpClient.TypeId in own
      expectTypeOf(protect(own, { respondWhenRejected })).toEqualTypeOf<GuardedOwn>()
    })
  )

  it("CircuitHttpClient: options that are only partly known keep the widest types", () => {
    const options: CircuitHttpClient.Options = { respondWhenRejected: true }

    expectTypeOf(protect(own, options)).toEqualTypeOf<GuardedOwn>()
  })

  it("CircuitHttpClient: nested clients have one error and the environment of each breaker", () => {
    expectTypeOf(plain.pipe(protect(), protect())).toEqualTypeOf<GuardedPlain>()
    // The inner rejection is not answered by the outer breaker.
    expectTypeOf(plain.pipe(protect(), protect({ respondWhenRejected: true }))).toEqualTypeOf<GuardedPlain>()
  })

  it("CircuitHttpClient: types survive a pipe of other combinators", () => {
    const guarded = own.pipe(HttpClient.filterStatusOk, protect(), HttpClient.retryTransient({ times: 2 }))
    expectTypeOf(guarded).toEqualTypeOf<
      With<HttpClientError | ResponseError | Unfit | CircuitOpenError, Host | Breaker>
    >()

    const caught = HttpClient.catchTag(guarded, "CircuitOpenError", (error) => {
      expectTypeOf(error).toEqualTypeOf<CircuitOpenError>()
      return Effect.fail(new Unfit())
    })
    expectTypeOf(caught).toEqualTypeOf<With<HttpClientError | Unfit, Host | Breaker>>()
  })

  it("CircuitHttpClient: generics survive", () => {
    const guarded = <E, R>(client: With<E, R>) => protect(client)

    expectTypeOf(guarded(own)).toEqualTypeOf<GuardedOwn>()
  })

  it("CircuitHttpClient: the functions among the options know what they are given", () => {
    const first = protect(own, {
      key: (request) => {
        expectTypeOf(request).toEqualTypeOf<HttpClientRequest.HttpClientRequest>()
        return request.method
      },
      statusOutcome: (status) => {
        expectTypeOf(status).toEqualTypeOf<number>()
        return status === 400 ? Outcome.ignored : Outcome.success
      }
    })
    const last = own.pipe(
      protect({
        key: (request) => {
          expectTypeOf(request).toEqualTypeOf<HttpClientRequest.HttpClientRequest>()
          return request.method
        },
        respondWhenRejected: true
      })
    )

    expectTypeOf(first).toEqualTypeOf<GuardedOwn>()
    expectTypeOf(last).toEqualTypeOf<With<HttpClientError | Unfit, Host | Breaker>>()
  })

  it("CircuitHttpClient: what is no option is refused", () => {
    expectTypeOf<{ key: string }>().not.toExtend<CircuitHttpClient.Options>()
    expectTypeOf<{ key: () => number }>().not.toExtend<CircuitHttpClient.Options>()
    expectTypeOf<{ statusOutcome: () => boolean }>().not.toExtend<CircuitHttpClient.Options>()
    expectTypeOf<{ respondWhenRejected: 503 }>().not.toExtend<CircuitHttpClient.Options>()
    expectTypeOf<{ breaker: string }>().not.toExtend<CircuitHttpClient.Options>()
  })

  it("CircuitHttpClient: classify and byPrefix are what a breaker and a client take", () => {
    expectTypeOf(CircuitHttpClient.classify).toEqualTypeOf<
      (exit: Exit.Exit<unknown, unknown>) => Outcome.Outcome
    >()
    expectTypeOf(CircuitHttpClient.classify).toExtend<CircuitBreaker.Options["classify"]>()
    expectTypeOf(CircuitHttpClient.byPrefix(["https://a.example"])).toExtend<
      CircuitHttpClient.Options["key"]
    >()
  })
})
