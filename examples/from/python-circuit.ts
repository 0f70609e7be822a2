/**
 * From Python's `python-circuit`: a set of breakers, one for each peer, that count registered errors per time unit and
 * tell a logger what happens.
 *
 *     circuits = CircuitBreakerSet(time.time, logging.getLogger("peers"), maxfail=3, time_unit=60,
 *                                  reset_timeout=10, backoff_cap=64)
 *     circuits.handle_error(PeerError)
 *
 *     try:
 *         with circuits.context("alice"):
 *             send("alice")
 *     except CircuitOpenError:
 *         ...
 *
 * | theirs                           | ours                                      | note                                           |
 * | -------------------------------- | ----------------------------------------- | ---------------------------------------------- |
 * | `clock`                          | not needed                                | Effect's `Clock`; `TestClock` in tests         |
 * | `log`                            | not needed                                | Effect's logger, with breaker and key          |
 * | `maxfail` (3)                    | `failureCount({ failures: maxfail + 1 })` | theirs are allowed: 3 opens on the 4th         |
 * | `time_unit` (60)                 | `failureCount({ within })`                | an error that old is forgotten in both         |
 * | `reset_timeout` (10)             | `openDuration`                            |                                                |
 * | `backoff_cap` (`None`)           | `openDuration`: a `Schedule`              | `exponential`, in union with `spaced(cap)`     |
 * | `with_jitter` (`False`)          | `Schedule.jittered`                       | drawn once an opening; there at every check    |
 * | `factory`                        | `TripPolicy.make`                         | or a breaker each, where peers differ          |
 * | `error_types`, `handle_error(s)` | `classify: Outcome.failWhen(...)`         | subclasses count, which there they do not      |
 * | other errors                     | Ignored                                   | a probe that ends in one gives its slot back   |
 * | `context(id)`                    | `protectWith({ key: id })`                | a circuit a key, made by its first call        |
 * | every peer is kept               | `capacity`, `idleTimeToLive`              | memory is bounded, whoever chooses the ids     |
 * | `CircuitBreaker(...)` by itself  | `protect`                                 | the same breaker, without a key                |
 * | `CircuitOpenError`               | `CircuitOpenError`                        | with `key` and `retryAfter`                    |
 * | half-open: one goes through      | `halfOpen: { probes: 1 }`                 | exactly one; there all that come after it, too |
 * | `TwistedCircuitBreakerSet`       | not needed                                | effects are asynchronous as they are           |
 */
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import { CircuitBreaker, Outcome, TripPolicy } from "effect-circuit-breaker"
import * as assert from "node:assert"

class PeerError extends Data.Error<{ readonly peer: string }> {}
class PeerTimeout extends PeerError {}
class UnknownUser extends Data.Error<{ readonly user: string }> {}

class Peers extends CircuitBreaker.Service<Peers>()("peers", {
  tripPolicy: TripPolicy.failureCount({ failures: 4, within: "60 seconds" }),
  // 10, 20, 40 and then 64 seconds, until a peer has been well for as long as its last opening
  openDuration: Schedule.exponential("10 seconds").pipe(Schedule.union(Schedule.spaced("64 seconds"))),
  classify: Outcome.failWhen((error) => error instanceof PeerError)
}) {}

const send = <E>(peer: string, answer: Effect.Effect<string, E>) =>
  answer.pipe(Peers.protectWith({ key: peer }))

const stateOf = (peer: string) => Effect.map(Peers.state(peer), (state) => state._tag)

const openFor = (peer: string) =>
  Effect.map(Peers.state(peer), (state) =>
    state._tag === "Open" ? Duration.format(state.retryAfter) : state._tag
  )

const program = Effect.gen(function* () {
  const failure = Effect.asVoid(Effect.flip(send("alice", Effect.fail(new PeerTimeout({ peer: "alice" })))))

  // An error that is not registered, however often
  yield* Effect.replicateEffect(Effect.flip(send("alice", Effect.fail(new UnknownUser({ user: "x" })))), 9)
  yield* Effect.replicateEffect(failure, 3)
  assert.strictEqual(yield* stateOf("alice"), "Closed")
  yield* failure
  assert.strictEqual(yield* openFor("alice"), "10s")
  assert.strictEqual(yield* send("bob", Effect.succeed("hello")), "hello")

  yield* TestClock.adjust("10 seconds")
  yield* failure
  assert.strictEqual(yield* openFor("alice"), "20s")
  yield* TestClock.adjust("20 seconds")
  yield* failure
  yield* TestClock.adjust("40 seconds")
  yield* failure
  assert.strictEqual(yield* openFor("alice"), "1m 4s")

  yield* TestClock.adjust("64 seconds")
  assert.strictEqual(yield* send("alice", Effect.succeed("hello")), "hello")
  assert.strictEqual(yield* stateOf("alice"), "Closed")
  yield* failure
  assert.strictEqual(yield* stateOf("alice"), "Closed")

  const circuits = yield* Peers.circuits
  yield* Console.log(`circuits: ${circuits.map(({ key, state }) => `${key} ${state._tag}`).join(", ")}`)
})

// As `log.getChild(id)` there: each line tells its peer.
const logger = Logger.make(({ annotations, date, logLevel, message }) => {
  const peer = Option.getOrElse(HashMap.get(annotations, "key"), () => "-")
  return `at ${date.getTime() / 1_000} s, ${peer}: ${logLevel.label} ${String(message)}`
})

await program.pipe(
  Effect.provide(Layer.provideMerge(Peers.layer, TestContext.TestContext)),
  Effect.provide(Logger.replace(Logger.defaultLogger, Logger.withConsoleLog(logger))),
  Logger.withMinimumLogLevel(LogLevel.Debug),
  Effect.runPromise
)
