import type { Case, Cases } from "./case.ts"

const modules: Readonly<Record<string, () => Promise<{ readonly cases: Cases }>>> = {
  closed: () => import("./cases/closed.ts"),
  rejection: () => import("./cases/rejection.ts"),
  keys: () => import("./cases/keys.ts"),
  memory: () => import("./cases/memory.ts"),
  expiry: () => import("./cases/expiry.ts"),
  idle: () => import("./cases/idle.ts"),
  floor: () => import("./cases/floor.ts"),
  effect4: () => import("./cases/effect4.ts"),
  "effect4-memory": () => import("./cases/effect4-memory.ts"),
  "effect4-expiry": () => import("./cases/effect4-expiry.ts"),
  "http-client": () => import("./cases/http-client.ts"),
  "http-server": () => import("./cases/http-server.ts"),
  fleet: () => import("./cases/fleet.ts"),
  "effect4-redis": () => import("./cases/effect4-redis.ts"),
  cockatiel: () => import("./cases/cockatiel.ts"),
  opossum: () => import("./cases/opossum.ts")
}

/** The case of that name, `module/case`. Only its module is loaded, so a process holds one library. */
export const find = async (name: string): Promise<Case> => {
  const [module = "", rest = ""] = name.split("/")
  const found = (await modules[module]?.())?.cases[rest]
  if (found === undefined) {
    throw new RangeError(`no such case: ${name}`)
  }
  return found
}
