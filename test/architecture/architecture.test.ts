/** The rules for the structure of the modules. */
import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import { createRequire } from "node:module"
import * as path from "node:path"
import type { Module } from "./sources.ts"
import { exportsOf, findCircle, linesOf, parse, reachableFrom, readModules, root } from "./sources.ts"

const modules = readModules()
const publicModules = modules.filter((it) => !it.path.includes("/"))
const core = modules.filter((it) => it.path.startsWith("internal/core/"))

/**
 * The layers, from the bottom up: each may import from itself and from those below it, types included. What is in none of
 * them is above all of them: the public modules and the adapters.
 */
const layers: ReadonlyArray<readonly [name: string, places: ReadonlyArray<string>]> = [
  ["core", ["internal/core/"]],
  ["options", ["internal/options/"]],
  ["words", ["Outcome.ts", "Transition.ts", "CircuitOpenError.ts", "internal/circuitOpenError.ts"]],
  ["fiber", ["internal/fiber/"]],
  ["observe", ["internal/observe/"]],
  ["breaker", ["internal/breaker/"]]
]

const isIn = (path: string, places: ReadonlyArray<string>): boolean =>
  places.some((place) => (place.endsWith("/") ? path.startsWith(place) : path === place))

const layerOf = (path: string): number => {
  const layer = layers.findIndex(([, places]) => isIn(path, places))
  return layer === -1 ? layers.length : layer
}

/** The only allowed circle: a public module and its internal twin, which implements it. */
const twins: Readonly<Record<string, ReadonlyArray<string>>> = {
  "CircuitAdmin.ts": ["internal/admin/"],
  "CircuitBreaker.ts": ["internal/circuitBreaker/"],
  "CircuitDashboard.ts": ["internal/dashboard/"],
  "CircuitHttpClient.ts": ["internal/http/client/"],
  "CircuitHttpMiddleware.ts": ["internal/http/server/"],
  "CircuitOpenError.ts": ["internal/circuitOpenError.ts"],
  "CircuitStore.ts": [
    "internal/stores/alone.ts",
    "internal/stores/coordination.ts",
    "internal/stores/memory.ts",
    "internal/stores/options.ts",
    "internal/fleet/"
  ],
  "RedisCircuitStore.ts": ["internal/stores/redis/"],
  "testing.ts": ["internal/testing/"]
}

/** The module itself, or the public module whose twin it is. */
const houseOf = (path: string): string =>
  Object.entries(twins).find(([, places]) => isIn(path, places))?.[0] ?? path

describe("the core", () => {
  it("imports nothing from outside its folder, types included", () => {
    const outside = core.flatMap((module) =>
      module.imports
        .filter((it) => !it.from.startsWith("internal/core/"))
        .map((it) => `${module.path} imports ${it.from}`)
    )
    assert.isAtLeast(core.length, 4)
    assert.deepStrictEqual(outside, [])
  })

  it("is plain data and functions: no class, no date, no randomness", () => {
    for (const { path, text } of core) assert.notMatch(text, /\bclass \w+|\bDate\b|Math\.random/, path)
  })
})

describe("imports", () => {
  it("point down through the layers, types included", () => {
    const upward = modules.flatMap((module) =>
      module.imports
        .filter((it) => it.isOurs && layerOf(it.from) > layerOf(module.path))
        .map((it) => `${module.path} imports ${it.from}`)
    )
    assert.deepStrictEqual(upward, [])
    for (const [name, places] of layers)
      assert.isTrue(
        modules.some((it) => isIn(it.path, places)),
        `no module in the layer ${name}`
      )
  })

  it("form no circle except between a public module and its twin, types included", () => {
    const houses = new Map<string, Array<Module["imports"][number]>>()
    for (const { imports, path } of modules) {
      const inside = houses.get(houseOf(path)) ?? []
      houses.set(houseOf(path), inside)
      for (const it of imports) {
        const from = it.isOurs ? houseOf(it.from) : it.from
        if (from !== houseOf(path)) inside.push({ ...it, from })
      }
    }
    const graph = Array.from(houses, ([path, imports]): Module => ({ path, imports, text: "" }))
    assert.isUndefined(findCircle(graph, (it) => it.isOurs))
    // Nor is there one within a twin, except through its public module.
    assert.isUndefined(findCircle(modules, (it) => it.isOurs && it.from.includes("/")))
  })

  it("at run time form no circle anywhere", () => {
    assert.isUndefined(findCircle(modules, (it) => it.isOurs && !it.isType && !it.isLate))
  })

  it("of the breaker lead to a port, not to the fleet: without a store, nothing loads the fleet", () => {
    const reached = [...reachableFrom(modules, "CircuitBreaker.ts")]
    assert.include(reached, "internal/breaker/breaker.ts")
    // The HTTP client loads the last of them.
    const unneeded = /^internal\/(fleet|stores|http|breaker\/unsettledCalls)/
    assert.deepStrictEqual(
      reached.filter((it) => unneeded.test(it)),
      []
    )
    // The root has the store of one process, for tests; a bundle leaves out what it does not use.
    assert.include([...reachableFrom(modules, "index.ts")], "internal/fleet/join.ts")
  })

  it("of other modules do not reach the dashboard, which itself uses the administration by HTTP alone", () => {
    const isPage = (path: string) => path === "CircuitDashboard.ts" || path.startsWith("internal/dashboard/")
    assert.isAtLeast(modules.filter((it) => isPage(it.path)).length, 10)
    const crossing = modules.flatMap(({ imports, path }) =>
      imports
        .filter(
          (it) => it.isOurs && isPage(it.from) !== isPage(path) && !it.from.startsWith("internal/options/")
        )
        .filter((it) => isPage(it.from) || isPage(path))
        .map((it) => `${path} imports ${it.from}`)
    )
    assert.deepStrictEqual(crossing, [])
  })

  it("of other modules do not reach the administration: only a program that imports it loads it", () => {
    const isAdmin = (path: string) => path === "CircuitAdmin.ts" || path.startsWith("internal/admin/")
    const others = modules.filter((it) => !isAdmin(it.path))
    assert.isAtLeast(modules.length - others.length, 10)
    assert.deepStrictEqual(
      others.flatMap(({ imports, path }) =>
        imports.filter((it) => it.isOurs && isAdmin(it.from)).map((it) => `${path} imports ${it.from}`)
      ),
      []
    )
  })

  it("of the root reach neither the platform, nor Redis, nor Schema", () => {
    const reached = [...reachableFrom(modules, "index.ts")]
    assert.include(reached, "internal/core/circuit.ts")
    assert.include(reached, "effect/Effect")
    const unwanted = reached.filter((it) =>
      /^(@effect\/platform|ioredis|effect\/(\w*Schema|\w*AST))/.test(it)
    )
    assert.deepStrictEqual(unwanted, [])
  })

  it("name single modules of Effect, never the whole package", () => {
    const whole = modules.flatMap(({ imports, path }) =>
      imports.filter((it) => it.from === "effect").map(() => path)
    )
    assert.deepStrictEqual(whole, [])
  })

  it("lead to modules that exist", () => {
    const known = new Set(modules.map((it) => it.path))
    const lost = modules.flatMap(({ imports, path }) =>
      imports.filter((it) => it.isOurs && !known.has(it.from)).map((it) => `${path} imports ${it.from}`)
    )
    assert.deepStrictEqual(lost, [])
  })
})

describe("the package", () => {
  const { exports, name } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"))
  const require = createRequire(path.join(root, "package.json"))

  /** The file in which Node looks for a subpath; it need not have been built. */
  const resolve = (subpath: string): string => {
    try {
      return path.relative(root, require.resolve(`${name}/${subpath}`))
    } catch (error) {
      const { code, message } = error as Error & { code: string }
      return code === "MODULE_NOT_FOUND" ? path.relative(root, /'([^']+)'/.exec(message)![1]!) : code
    }
  }

  it("has every public module as a subpath", () => {
    for (const { path: file } of publicModules) {
      const subpath = file.replace(/\.ts$/, "")
      assert.strictEqual(resolve(subpath), path.join("dist", `${subpath}.js`))
    }
    assert.deepStrictEqual(exports["."], { types: "./dist/index.d.ts", default: "./dist/index.js" })
    assert.deepStrictEqual(exports["./*"], { types: "./dist/*.d.ts", default: "./dist/*.js" })
  })

  it("keeps internal modules to itself", () => {
    for (const { path: file } of modules.filter((it) => it.path.startsWith("internal/"))) {
      assert.strictEqual(resolve(file.replace(/\.ts$/, "")), "ERR_PACKAGE_PATH_NOT_EXPORTED")
    }
  })
})

describe("documentation", () => {
  const hasOneCategory = (comment: string): boolean => {
    const categories = [...comment.matchAll(/@category (.*)/g)].map(([, category]) => category!)
    return categories.length === 1 && /^[a-z]+( [a-z]+)*$/.test(categories[0]!)
  }

  it("begins every public module, with a version", () => {
    for (const { path, text } of publicModules)
      assert.match(text, /^\/\*\*\n(?: \*.*\n)*? \* @since \d/, path)
  })

  it("says in a sentence what each export of a public module is", () => {
    const silent = publicModules.flatMap((module) =>
      exportsOf(module)
        .filter(({ comment }) => !/^\/\*\*\n \* [A-Z`]/.test(comment))
        .map(({ name }) => `${module.path}: ${name}`)
    )
    assert.deepStrictEqual(silent, [])
  })

  it("is on every export of a public module, with its version and its one category", () => {
    const exports = publicModules.flatMap((module) =>
      exportsOf(module).map((it) => ({ ...it, path: module.path }))
    )
    assert.isAtLeast(exports.length, 60)
    const bare = exports
      .filter(({ comment }) => !/@since \d+\.\d+\.\d+/.test(comment) || !hasOneCategory(comment))
      .map(({ name, path }) => `${path}: ${name}`)
    assert.deepStrictEqual(bare, [])
  })
})

describe("every file", () => {
  it("has at most 400 lines, without its documentation", () => {
    const large = modules.filter((it) => linesOf(it) > 400).map((it) => `${it.path}: ${linesOf(it)}`)
    assert.deepStrictEqual(large, [])
  })

  it("that depends on internals of Effect says in its first sentence that it is an edge to Effect", () => {
    const inside = /globalMetricRegistry|\.step\(now|pushStack|stripSomeDefects|YieldableError\.prototype/
    const edges = modules.filter((it) => inside.test(it.text))
    assert.isAtLeast(edges.length, 5)
    assert.deepStrictEqual(
      edges.filter(({ text }) => !/The edge to Effect/.test(text)).map(({ path }) => path),
      []
    )
  })

  it("leaves the internals of fibers to the folder `fiber`", () => {
    const inside =
      /\b((add|remove)Observer|pushStack|currentDefaultServices|getFiberRefs|currentRuntimeFlags)\b/
    const knowing = modules.filter((it) => inside.test(it.text)).map((it) => it.path)
    assert.deepStrictEqual(knowing, ["internal/fiber/caller.ts", "internal/fiber/frame.ts"])
  })
})

describe("the rules themselves", () => {
  const module = parse(
    "internal/redis/example.ts",
    [
      'import * as Effect from "effect/Effect"',
      'import type { A } from "../core/a.ts"',
      "import {",
      "  b",
      '} from "./b.ts"',
      'import "ioredis"',
      'export type { C } from "../../C.ts"',
      'export * as D from "./d.ts"',
      "/**",
      ' * import * as F from "effect/F"',
      " * @since 0.1.0",
      " */",
      'export const late = () => import("./late.ts")',
      "export interface Bare {}",
      ""
    ].join("\n")
  )

  it("see every import", () => {
    const ours = { isOurs: true, isLate: false }
    assert.deepStrictEqual(module.imports, [
      { from: "effect/Effect", isOurs: false, isType: false, isLate: false },
      { from: "internal/core/a.ts", isType: true, ...ours },
      { from: "internal/redis/b.ts", isType: false, ...ours },
      { from: "ioredis", isOurs: false, isType: false, isLate: false },
      { from: "C.ts", isType: true, ...ours },
      { from: "internal/redis/d.ts", isType: false, ...ours },
      { from: "internal/redis/late.ts", isOurs: true, isType: false, isLate: true }
    ])
  })

  it("see every export with its comment", () => {
    const [late, bare] = exportsOf(module)
    assert.strictEqual(late!.name, "late")
    assert.include(late!.comment, "@since 0.1.0")
    assert.deepStrictEqual(bare, { name: "Bare", comment: "" })
    assert.strictEqual(linesOf(module), 10)
  })

  it("find circles, and unwanted imports", () => {
    const a = parse("a.ts", 'import * as B from "./b.ts"\nimport "effect/Schema"\n')
    const b = parse("b.ts", 'import type * as C from "./c.ts"\n')
    const c = parse("c.ts", 'export * from "./a.ts"\n')
    assert.deepStrictEqual(
      findCircle([a, b, c], () => true),
      ["a.ts", "b.ts", "c.ts", "a.ts"]
    )
    assert.isUndefined(findCircle([a, b, c], (it) => !it.isType))
    assert.deepStrictEqual([...reachableFrom([a, b, c], "c.ts")], ["c.ts", "a.ts", "b.ts", "effect/Schema"])
    assert.include([...reachableFrom(modules, "CircuitOpenErrorSchema.ts")], "effect/Schema")
  })
})
