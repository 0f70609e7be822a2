/** Groups of tests that need a Redis. Without one they are skipped, except in CI. */
import { assert, beforeAll, describe } from "@effect/vitest"
import { isAvailable } from "./RedisServer.ts"

const describeOn =
  (concurrent: boolean) =>
  (server: keyof typeof isAvailable, name: string, tests: () => void): void => {
    const isThere = isAvailable[server]
    describe.skipIf(!isThere && process.env["CI"] === undefined)(name, { concurrent }, () => {
      beforeAll(() => {
        assert.isTrue(isThere, "Install redis-server: in CI the tests on Redis must not be skipped.")
      })
      tests()
    })
  }

/** Tests on servers of their own, or on the given one. They mostly wait, so they run at the same time. */
export const describeWith = describeOn(true)

/** Tests that share a server and change its settings, and therefore run one after the other. */
export const describeInTurn = describeOn(false)
