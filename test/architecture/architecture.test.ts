/** The rules that hold the modules together. */
import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import { createRequire } from "node:module"
import * as path from "node:path"
import { exportsOf, findCircle, linesOf, parse, reachableFrom, readModules, root } from "./sources.ts"

const modules = readModules()
const publicModules = modules.filter((it) => !it.path.includes("/"))
const core = modules.filter((it) => it.path.startsWith("internal/core/"))

describe("the core", () => {
  it("imports nothing from outside of its folder at run time", () => {
    const outside = core.flatMap((module) =>
      module.imports
        .filter((it) => !it.isType && !it.from.startsWith("internal/core/"))
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
  it("of public modules form no circle, those of types neither", () => {
    const isPublic = new Set(publicModules.map((it) => it.path))
    assert.isUndefined(findCircle(publicModules, (it) => isPublic.has(it.from)))
  })

  it("at run time form no circle anywhere", () => {
    assert.isUndefined(findCircle(modules, (it) => it.isOurs && !it.isType))
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

  it("name modules of Effect, never the whole of it", () => {
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

  /** Where Node looks for a subpath: the file need not have been built. */
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

  it("stands on every export of a public module, with its version and its one category", () => {
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
  it("is a room with one purpose: at most 400 lines, its documentation aside", () => {
    const large = modules.filter((it) => linesOf(it) > 400).map((it) => `${it.path}: ${linesOf(it)}`)
    assert.deepStrictEqual(large, [])
  })

  it("leaves the observers of fibers to the files that know fibers", () => {
    const observing = modules.filter((it) => /\b((add|remove)Observer|pushStack)\b/.test(it.text))
    assert.deepStrictEqual(
      observing.map((it) => it.path),
      ["internal/fiber/unmaskedCall.ts"]
    )
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
    assert.deepStrictEqual(module.imports, [
      { from: "effect/Effect", isOurs: false, isType: false },
      { from: "internal/core/a.ts", isOurs: true, isType: true },
      { from: "internal/redis/b.ts", isOurs: true, isType: false },
      { from: "ioredis", isOurs: false, isType: false },
      { from: "C.ts", isOurs: true, isType: true },
      { from: "internal/redis/d.ts", isOurs: true, isType: false },
      { from: "internal/redis/late.ts", isOurs: true, isType: false }
    ])
  })

  it("see every export with its comment", () => {
    const [late, bare] = exportsOf(module)
    assert.strictEqual(late!.name, "late")
    assert.include(late!.comment, "@since 0.1.0")
    assert.deepStrictEqual(bare, { name: "Bare", comment: "" })
    assert.strictEqual(linesOf(module), 10)
  })

  it("find circles, and the unwanted", () => {
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
