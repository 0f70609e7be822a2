/** A browser for a file of tests, and a server for each of its tests. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { Browser } from "playwright-core"
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest"
import { browser as launch } from "./Browser.ts"
import type { FakeAdmin } from "./FakeAdmin.ts"
import { fakeAdmin } from "./FakeAdmin.ts"

export interface Setting {
  readonly browser: Browser
  readonly admin: FakeAdmin
  /** Closes after the pages: a server waits for the connections of its pages when it closes. */
  readonly scope: Scope.Scope
}

/** The values are there while a test runs. */
export const setting = (): Setting => {
  const ofFile = Effect.runSync(Scope.make())
  let ofTest = Effect.runSync(Scope.make())
  let browser: Browser
  let admin: FakeAdmin
  beforeAll(async () => {
    browser = await Effect.runPromise(Scope.extend(launch, ofFile))
  })
  afterAll(() => Effect.runPromise(Scope.close(ofFile, Exit.void)))
  beforeEach(async () => {
    ofTest = Effect.runSync(Scope.make())
    admin = await Effect.runPromise(Scope.extend(fakeAdmin, ofTest))
  })
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close()
    await Effect.runPromise(Scope.close(ofTest, Exit.void))
  })
  return {
    get browser() {
      return browser
    },
    get scope() {
      return ofTest
    },
    get admin() {
      return admin
    }
  }
}
