/** In place of Vitest within one process: it collects the tests of the files that are evaluated, and runs nothing. */
import { assert as chaiAssert } from "chai"

interface Context {
  readonly onTestFinished: (end: () => unknown) => void
  readonly signal: AbortSignal
}

type Body = (context: Context) => unknown

export interface Collected {
  readonly name: string
  readonly run: Body
}

interface Hooks {
  readonly collected: Array<Collected>
  readonly before: Array<() => unknown>
  readonly afterEach: Array<() => unknown>
}

const hooks = (): Hooks => (globalThis as unknown as { readonly collectedTests: Hooks }).collectedTests

const suites: Array<string> = []

export const describe = (name: string, body: () => void): void => {
  suites.push(name)
  body()
  suites.pop()
}

export const it = (name: string, ...rest: ReadonlyArray<unknown>): void => {
  const run = rest.find((one): one is Body => typeof one === "function")
  if (run !== undefined) hooks().collected.push({ name: [...suites, name].join(" "), run })
}

export const test = it

export const beforeAll = (body: () => unknown): void => {
  hooks().before.push(body)
}

export const afterEach = (body: () => unknown): void => {
  hooks().afterEach.push(body)
}

export const assert = chaiAssert
