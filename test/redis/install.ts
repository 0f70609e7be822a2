/**
 * Before all tests: installs Debian's `redis-server` if there is none and the process may install it. Otherwise the tests on
 * Redis are skipped, except in CI, where they fail.
 */
import { spawnSync } from "node:child_process"

const succeeds = (command: string, ...args: ReadonlyArray<string>): boolean =>
  spawnSync(command, args, {
    stdio: "ignore",
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    timeout: 120_000
  }).status === 0

export default (): void => {
  if (process.env["REDIS_URL"] !== undefined || succeeds("redis-server", "--version")) return
  if (process.getuid?.() !== 0 || !succeeds("apt-get", "--version")) return say(advice)
  say("Installing Debian's redis-server for the tests of fleets (set REDIS_URL to use another Redis)")
  const isInstalled =
    succeeds("apt-get", "update") &&
    succeeds("apt-get", "install", "--yes", "--no-install-recommends", "redis-server")
  if (!isInstalled) say(advice)
}

const advice = "The tests of fleets are skipped without a Redis: install redis-server, or set REDIS_URL"

const say = (line: string): void => {
  process.stderr.write(`${line}\n`)
}
