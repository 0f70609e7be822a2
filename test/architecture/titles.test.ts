/** The titles of the tests: each begins with what it proves. */
import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as path from "node:path"
import { proves } from "../kit/titles.ts"
import { root } from "./sources.ts"

/** The folders in which every title does. */
const complete = new Set(["rules", "from", "types", "interruption", "model"])

const numbered = (letter: string, last: number, from = 1) =>
  Array.from({ length: last - from + 1 }, (_, i) => `${letter}${from + i}`)

/** The rules of the design, the cases of the founding libraries, and the faults that were found in one process. */
const ids = [
  ...numbered("R3.1.", 9),
  ...numbered("R3.2.", 12),
  ...numbered("R3.", 6, 3),
  ...numbered("A", 10),
  ...numbered("B", 7),
  ...numbered("C", 10),
  ...numbered("D", 8),
  ...numbered("E", 26)
]

const files = fs
  .readdirSync(path.join(root, "test"), { recursive: true, encoding: "utf8" })
  .map((file) => file.split(path.sep).join("/"))
  .filter((file) => file.endsWith(".test.ts"))
  .map((file) => ({ file, text: fs.readFileSync(path.join(root, "test", file), "utf8") }))

const title = /\bit(?:\.\w+(?:<[^(]*>\(\[.*?\]\))?)*\(\s*(?:(["'`])(.*?)\1|(\w+)),/gs

/** The titles of a file as they are written, with the names of variables. */
const titlesOf = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(title)].map(([, , written, variable]) => written ?? `\${${variable}}`)

/** The ids in a cell of RULES.md, such as `E2, E3` or `A1 to A10`. */
const idsIn = (cell: string): ReadonlyArray<string> =>
  cell.split(", ").flatMap((part) => {
    const [first = "", last] = part.trim().split(" to ")
    const [, letter = "", from, to] = /^(\D|12\.)(\d+) (?:\D|12\.)(\d+)$/.exec(`${first} ${last}`) ?? []
    return last === undefined ? [first] : numbered(letter, Number(to), Number(from))
  })

/** The ids with which a title begins, without those of the replica, whose table is in its own file. */
const idsAtStart = (title: string): ReadonlyArray<string> =>
  (/^(?:(?:R3[.\d]*|12\.\d+|[A-FT]\d+) )+/.exec(title)?.[0] ?? "")
    .split(" ")
    .filter((id) => id !== "" && id !== "R3" && id !== "R3.1" && id !== "R3.2")

describe("titles", () => {
  it("begin with the rule or the public name that the test is about", () => {
    const inComplete = files.filter(({ file }) => complete.has(file.split("/")[0]!))
    assert.isAtLeast(inComplete.length, 30)
    const bare = inComplete.flatMap(({ file, text }) =>
      titlesOf(text)
        .filter((title) => !proves.test(title))
        .map((title) => `${file}: ${title}`)
    )
    assert.deepStrictEqual(bare, [])
  })

  it("name every rule, every case and every fault", () => {
    const all = files.map(({ text }) => text).join("\n")
    const missing = ids.filter((id) => !new RegExp(`["'\`{ ]${id.replaceAll(".", "\\.")}[ "]`).test(all))
    assert.deepStrictEqual(missing, [])
  })

  it("name only rules, cases and faults that RULES.md explains", () => {
    const rules = fs.readFileSync(path.join(root, "test/RULES.md"), "utf8")
    const explained = new Set([...rules.matchAll(/^\| ([^|]+) \|/gm)].flatMap(([, names]) => idsIn(names!)))
    const named = files.flatMap(({ text }) => titlesOf(text)).flatMap((title) => idsAtStart(title))
    assert.isAbove(named.length, 500)
    const unknown = [...named, ...ids].filter((id) => !explained.has(id))
    assert.deepStrictEqual(unknown, [])
  })

  it("of the replica name every rule of its table, and no other", () => {
    const replica = fs.readFileSync(path.join(root, "src/internal/core/replica/replica.ts"), "utf8")
    const rules = [...replica.matchAll(/^ \* \| (S\d+) \|/gm)].map(([, rule]) => rule!)
    assert.deepStrictEqual(rules, numbered("S", rules.length))
    const titles = files
      .filter(({ file }) => file.startsWith("core/replica/"))
      .flatMap(({ text }) => titlesOf(text))
    const named = new Set(titles.flatMap((title) => title.match(/\bS\d+\b/g) ?? []))
    assert.sameMembers([...named], rules)
  })

  it("are found in every notation", () => {
    const text = [
      'it("R3.1.1 plain", () => {})',
      "it.scoped(",
      "  `E5 R3.2 of ${a}`,",
      "  () => {}",
      ")",
      'it.each<readonly [a: string]>([["a"]])("D8 from a table: %s", () => {})',
      "it(title, run)",
      "describe('no test', () => {})"
    ].join("\n")
    assert.deepStrictEqual(titlesOf(text), [
      "R3.1.1 plain",
      "E5 R3.2 of ${a}",
      "D8 from a table: %s",
      "${title}"
    ])
    assert.isTrue(titlesOf(text).every((title) => proves.test(title)))
    assert.isFalse(proves.test("opens after five failures"))
  })
})

describe("the map, src/README.md", () => {
  const source = path.join(root, "src")
  const map = fs.readFileSync(path.join(source, "README.md"), "utf8")
  const named = [...map.matchAll(/`([\w/]+(?:\.ts)?)`/g)].map(([, name]) => name!)

  it("names only files that exist", () => {
    const isThere = (name: string) =>
      ["", "internal"].some((folder) => fs.existsSync(path.join(source, folder, name)))
    assert.deepStrictEqual(
      named.filter((name) => name.includes("/") && !isThere(name)),
      []
    )
    assert.isAbove(named.filter((name) => name.endsWith(".ts")).length, 15)
  })

  it("names every folder", () => {
    const folders = fs
      .readdirSync(path.join(source, "internal"), { withFileTypes: true })
      .flatMap((it) => (it.isDirectory() ? [it.name] : []))
    assert.deepStrictEqual(
      folders.filter((folder) => !named.includes(folder)),
      []
    )
  })
})

describe("the map, test/README.md", () => {
  const map = fs.readFileSync(path.join(root, "test/README.md"), "utf8")
  const named = new Set([...map.matchAll(/`([\w/]+)`/g)].map(([, name]) => name!))

  it("names every folder, and every file of the rules", () => {
    const folders = fs.readdirSync(path.join(root, "test"), { withFileTypes: true })
    const places = [
      ...folders.filter((it) => it.isDirectory()).map((it) => it.name),
      ...files.flatMap(({ file }) => /^rules\/(\w+)\.test\.ts$/.exec(file)?.[1] ?? [])
    ]
    assert.deepStrictEqual(
      places.filter((place) => !named.has(place)),
      []
    )
  })

  it("names only places that exist", () => {
    const isThere = (name: string) =>
      ["", ".ts", ".test.ts"].some((end) => fs.existsSync(path.join(root, "test", `${name}${end}`)))
    const lost = [...named].filter(
      (name) => name.includes("/") && !name.startsWith("internal/") && !isThere(name)
    )
    assert.deepStrictEqual(lost, [])
  })
})
