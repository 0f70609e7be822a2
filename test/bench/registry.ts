import type { Case, Cases } from "./case.ts"

const modules: Readonly<Record<string, () => Promise<{ readonly cases: Cases }>>> = {
  closed: () => import("./cases/closed.ts"),
  rejection: () => import("./cases/rejection.ts"),
  transitions: () => import("./cases/transitions.ts"),
  keys: () => import("./cases/keys.ts"),
  memory: () => import("./cases/memory.ts"),
  expiry: () => import("./cases/expiry.ts"),
  idle: () => import("./cases/idle.ts"),
  bundle: () => import("./cases/bundle.ts"),
  floor: () => import("./cases/floor.ts"),
  "http-client": () => import("./cases/http-client.ts"),
  "http-server": () => import("./cases/http-server.ts"),
  fleet: () => import("./cases/fleet.ts"),
  effect4: () => import("./cases/effect4.ts"),
  "effect4-memory": () => import("./cases/effect4-memory.ts"),
  "effect4-expiry": () => import("./cases/effect4-expiry.ts"),
  "effect4-redis": () => import("./cases/effect4-redis.ts"),
  cockatiel: () => import("./cases/cockatiel.ts"),
  opossum: () => import("./cases/opossum.ts"),
  "after-all-others": () => import("./cases/after-all-others.ts")
}

const namedCases = async (module: string): Promise<ReadonlyArray<readonly [name: string, Case]>> => {
  const { cases } = (await modules[module]?.()) ?? { cases: {} }
  return Object.entries(cases).map(([name, it]) => [`${module}/${name}`, it])
}

/** The case of that name, `module/case`. Only its module is loaded, so a process holds one library. */
export const find = async (name: string): Promise<Case> => {
  const found = new Map(await namedCases(name.split("/")[0]!)).get(name)
  if (found === undefined) {
    throw new RangeError(`no such case: ${name}`)
  }
  return found
}

export const allCases = async (): Promise<ReadonlyMap<string, Case>> =>
  new Map((await Promise.all(Object.keys(modules).map(namedCases))).flat())
