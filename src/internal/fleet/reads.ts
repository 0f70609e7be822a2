import * as Effect from "effect/Effect"
import type { Entry } from "../../CircuitStore.ts"
import type { Answer } from "./answer.ts"
import { isFault } from "./answer.ts"
import { mostAtOnce } from "./exchanges.ts"
import type { Node } from "./node.ts"
import { Pending } from "./pending.ts"
import { reading } from "./requests.ts"

/**
 * Reads circuits that this process does not hold: all those of one turn of the event loop together.
 *
 * @internal
 */
export class Reads {
  private readonly node: Node
  /** The batch that the reads of this turn join. */
  private open: Batch | undefined
  private readonly batches = new Set<Batch>()

  constructor(node: Node) {
    this.node = node
  }

  /** The entry of a circuit; `undefined` if the store has not answered, or has a fault with the circuit. */
  entryOf(key: string): Effect.Effect<Entry | undefined> {
    return Effect.suspend(() => {
      const batch = this.batchWithRoom()
      const place = batch.keys.push(key) - 1
      return Effect.map(batch.pending.end, () => {
        const answer = batch.answers[place]
        return answer === undefined || isFault(answer) ? undefined : answer
      })
    })
  }

  /** Ends all reads, because the scope has closed. */
  end(): void {
    for (const { pending } of this.batches) pending.done()
  }

  private batchWithRoom(): Batch {
    if (this.open !== undefined && this.open.keys.length < mostAtOnce) return this.open
    const batch: Batch = { keys: [], answers: [], pending: new Pending() }
    this.open = batch
    this.batches.add(batch)
    // The other reads of this turn join the batch first.
    this.node.fork(
      Effect.zipRight(
        Effect.yieldNow(),
        Effect.suspend(() => this.ask(batch))
      )
    )
    return batch
  }

  private ask(batch: Batch): Effect.Effect<void> {
    if (this.open === batch) this.open = undefined
    const { connection, store } = this.node
    const requests = batch.keys.map((key) => reading(this.node, key))
    return Effect.match(connection.ask(store.exchange(requests), "Read"), {
      onFailure: () => {
        this.node.failedKey = batch.keys[0]!
      },
      onSuccess: (answers) => {
        batch.answers = answers
      }
    }).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          this.batches.delete(batch)
          batch.pending.done()
        })
      )
    )
  }
}

/** The circuits of one request. */
interface Batch {
  readonly keys: Array<string>
  answers: ReadonlyArray<Answer>
  readonly pending: Pending
}
