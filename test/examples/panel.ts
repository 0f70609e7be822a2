/** Draws the demo's panel and its summary of a story that is made up, in no time: a run of the demo takes 20 seconds. */
import type { CircuitBreaker, Transition } from "effect-circuit-breaker"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Panel from "../../examples/quickstart/Panel.ts"
import type { Facts, Side } from "../../examples/quickstart/Recording.ts"
import * as Story from "../../examples/quickstart/Story.ts"
import * as Summary from "../../examples/quickstart/Summary.ts"
import type { Call } from "../../examples/quickstart/Traffic.ts"

const circuit: CircuitBreaker.CircuitSnapshot = {
  breaker: "Warehouse",
  key: "default",
  state: { _tag: "Closed" },
  window: { calls: 0, failures: 0, slow: 0 },
  totals: { succeeded: 0, failed: 0, ignored: 0, rejected: 0 },
  lastFailure: Option.none()
}

/** A call each 40 milliseconds, which takes `waitMillis` and gets `got` while the server is down. */
const side = (story: Story.Story, got: Call["got"], waitMillis: number): Side => {
  const starts = Array.from({ length: story.duration / 40 }, (_, n) => n * 40)
  const isDown = (at: number) => Story.isDownAt(story, at)
  return {
    calls: Chunk.fromIterable(
      starts.map((startedAt): Call => {
        const endedAt = startedAt + (isDown(startedAt) ? waitMillis : 20)
        return { startedAt, endedAt, got: isDown(startedAt) ? got : "answer" }
      })
    ),
    load: {
      arrivals: Chunk.fromIterable(
        starts.filter((at) => got === "error" || !isDown(at)).map((at) => ({ at, open: 1 }))
      ),
      open: 0
    }
  }
}

const common = { breaker: "Warehouse", key: "default", origin: "Local" } as const

const transitionsOf = ({ startedAt }: Story.Story): ReadonlyArray<Transition.Transition> => [
  {
    ...common,
    from: "Closed",
    to: "Isolated",
    at: startedAt + 3_000,
    generation: 1
  },
  { ...common, from: "Isolated", to: "Closed", at: startedAt + 11_000, generation: 2 }
]

const program = Effect.gen(function* () {
  const story = yield* Story.begin(false)
  const now = yield* Ref.make(9_000)
  const facts = Effect.map(Ref.get(now), (now): Facts => ({
    story,
    now,
    circuit,
    transitions: Chunk.fromIterable(transitionsOf(story)),
    withBreaker: side(story, "fallback", 0),
    withoutBreaker: side(story, "error", 1_050)
  }))
  const recording = {
    facts,
    withBreaker: yield* Ref.make(Chunk.empty<Call>()),
    withoutBreaker: yield* Ref.make(Chunk.empty<Call>())
  }
  yield* Panel.during(Ref.set(now, story.duration), recording)
  yield* Summary.print(yield* facts, 1)
})

await Effect.runPromise(program)
