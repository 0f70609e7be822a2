/** Nodes that share one circuit through a store, for the tests of the replica. */
import { consecutive } from "../../../src/internal/core/policies/consecutive.ts"
import type { Policy } from "../../../src/internal/core/policies/policy.ts"
import { share } from "../../../src/internal/core/policies/table.ts"
import type { Settings } from "../../../src/internal/core/replica/situation.ts"
import type { SharedCircuit } from "../../../src/internal/core/wire/state.ts"
import { decode, initial } from "../../../src/internal/core/wire/state.ts"
import type { AnyCircuit, Rules } from "../circuits.ts"
import { openMillis, rulesWith } from "../circuits.ts"
import { TestNode } from "./TestNode.ts"
import { VirtualStore } from "./VirtualStore.ts"

export const syncMillis = 1_000
export const leaseMillis = 3_000

type Over = Partial<Omit<Settings, "policy" | "rules">> & {
  readonly policy?: Policy<unknown>
  readonly rules?: Partial<Rules>
}

/** Trips on the second failure in a row by default. */
export const settingsWith = ({ policy = consecutive(2), rules, ...over }: Over = {}): Settings => {
  const shared = share(policy.data)!
  return {
    node: "a",
    rules: { ...rulesWith(rules), policy: shared },
    policy: shared,
    rulesName: "rules",
    windowName: "window",
    quorum: 1,
    syncMillis,
    phase: 0.5,
    staleMillis: 60_000,
    leaseMillis,
    longestOpenMillis: 60_000,
    idleMillis: 60_000,
    writesThrough: false,
    ...over
  }
}

/** Two nodes on one store, each of which has exchanged the circuit once. */
export const pair = (over: Over = {}) => {
  const store = new VirtualStore()
  const a = new TestNode(store, settingsWith({ ...over, node: "a" }))
  const b = new TestNode(store, settingsWith({ ...over, node: "b" }))
  a.exchange()
  b.exchange()
  return { store, a, b }
}

/** The same, after `a` has opened the circuit and `b` has received the change. */
export const openPair = (over: Over = {}) => {
  const world = pair(over)
  world.a.fail(2)
  world.a.write()
  settle(world.a, world.b)
  return world
}

/** The same, once the circuit's open time has passed. */
export const halfOpenPair = (over: Over = {}) => {
  const world = openPair(over)
  world.store.now += openMillis
  return world
}

/** All writes of the nodes reach the store, and all nodes receive every change. */
export const settle = (...nodes: ReadonlyArray<TestNode>): void => {
  const { store } = nodes[0]!
  do {
    for (const node of nodes) node.write()
    for (const change of store.undelivered()) for (const node of nodes) node.receiveChange(change)
  } while (nodes.some(({ writes }) => writes.length > 0))
}

/** The shared circuit as it is in a node's store. */
export const storedCircuit = ({ settings, store }: TestNode): SharedCircuit => {
  const read = decode(store.state, { ...settings, now: store.now })
  if (read._tag !== "State") throw new Error(read.why)
  return read.state
}

/** A shared circuit, by default without holders. */
export const sharedWith = (
  settings: Settings,
  circuit: AnyCircuit,
  over: Partial<SharedCircuit> = {}
): SharedCircuit => ({ ...initial(settings.rules), circuit, ...over })

/** A circuit in its own generation. */
export const inGeneration = <A extends AnyCircuit>(circuit: A, generation: number): A => ({
  ...circuit,
  generation
})
