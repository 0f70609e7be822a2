/** One history of one breaker: all that can be seen of it is what the model shows. */
import type { Command } from "./Command.ts"
import { byKey } from "./Differences.ts"
import { History, keys } from "./History.ts"
import { plain, RealBreaker } from "./RealBreaker.ts"
import type { Setup } from "./Setup.ts"
import { World } from "./World.ts"

/** The first difference, described by the list of steps that led to it; undefined if there is none. */
export const runHistory = (
  setup: Setup,
  commands: ReadonlyArray<Command>,
  note: (requirement: string) => void
): string | undefined => new LocalHistory(setup, note).run(commands)

class LocalHistory extends History<RealBreaker, Command> {
  constructor(setup: Setup, note: (requirement: string) => void) {
    super(setup, new RealBreaker(setup, keys, new World()), note)
  }

  protected take(command: Command): void {
    this.perform(command)
    if (this.real.clock.sleeps > 0) this.differences.push("the library set a timer")
  }

  protected compare(): void {
    const perKey = (reading: { readonly keys: unknown; readonly circuits: unknown }) => ({
      keys: reading.keys,
      circuits: byKey(reading.circuits)
    })
    this.expect("transitions", this.model.published, plain(this.real.takeTransitions()))
    this.model.published = []
    const modelReading = {
      keys: Object.fromEntries(keys.map((key) => [key, [this.model.state(key), this.model.snapshot(key)]])),
      circuits: this.model.circuits()
    }
    const real = this.real.reading()
    this.expect("", perKey(modelReading), perKey(real))
    // Reading has moved nothing.
    this.expect("transitions after reading", [], plain(this.real.takeTransitions()))
  }
}
