/** The modules of `src`, as text: what they import and what they export. */
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("../..", import.meta.url))

export interface Import {
  /** A path below `src` for a module of our own, otherwise as it is written. */
  readonly from: string
  readonly isOurs: boolean
  /** Whether it does not exist at run time. */
  readonly isType: boolean
  /** Whether it is loaded on demand only. */
  readonly isLate: boolean
}

export interface Export {
  readonly name: string
  /** The comment right before it. */
  readonly comment: string
}

export interface Module {
  /** Its path below `src`. */
  readonly path: string
  readonly text: string
  readonly imports: ReadonlyArray<Import>
}

// A statement begins its line; what looks like one in a comment does not.
const importing = /^(?:import|export)\s+(type\s+)?(?:[^"'`;=()]*?\sfrom\s+)?"([^"]+)"/gm
const importingLate = /\bimport\(\s*"([^"]+)"/g
const exporting =
  /^export (?:declare )?(?:abstract )?(?:const|function|class|interface|type|namespace) (\w+)/gm

const importsOf = (file: string, text: string): ReadonlyArray<Import> => {
  const toImport = (written: string, isType: boolean, isLate: boolean): Import => {
    const isOurs = written.startsWith(".")
    const from = isOurs ? path.posix.join(path.posix.dirname(file), written) : written
    return { from, isOurs, isType, isLate }
  }
  return [
    ...[...text.matchAll(importing)].map(([, type, written]) =>
      toImport(written!, type !== undefined, false)
    ),
    ...[...text.replace(/\/\*.*?\*\//gs, "").matchAll(importingLate)].map(([, written]) =>
      toImport(written!, false, true)
    )
  ]
}

export const parse = (file: string, text: string): Module => ({
  path: file,
  text,
  imports: importsOf(file, text)
})

export const exportsOf = ({ text }: Module): ReadonlyArray<Export> =>
  [...text.matchAll(exporting)].map((match) => ({
    name: match[1]!,
    comment: /\/\*\*(?:(?!\*\/).)*\*\/\s*$/s.exec(text.slice(0, match.index))?.[0] ?? ""
  }))

/** The number of lines of a module without its documentation. */
export const linesOf = ({ text }: Module): number =>
  text
    .replace(/^ *\/\*\*.*?\*\/\n/gms, "")
    .trimEnd()
    .split("\n").length

export const readModules = (): ReadonlyArray<Module> =>
  fs
    .readdirSync(path.join(root, "src"), { recursive: true, encoding: "utf8" })
    .map((file) => file.split(path.sep).join("/"))
    .filter((file) => file.endsWith(".ts"))
    .sort()
    .map((file) => parse(file, fs.readFileSync(path.join(root, "src", file), "utf8")))

/** Everything that is loaded with `start`: what it imports at once, and what that imports in turn. */
export const reachableFrom = (modules: ReadonlyArray<Module>, start: string): ReadonlySet<string> => {
  const reached = new Set<string>()
  const visit = (file: string): void => {
    if (reached.has(file)) return
    reached.add(file)
    const module = modules.find((it) => it.path === file)
    module?.imports.filter((it) => !it.isType && !it.isLate).forEach((it) => visit(it.from))
  }
  visit(start)
  return reached
}

/** A circle of modules that import each other, if there is one. */
export const findCircle = (
  modules: ReadonlyArray<Module>,
  follows: (it: Import) => boolean
): ReadonlyArray<string> | undefined => {
  const done = new Set<string>()
  const visit = (file: string, trail: ReadonlyArray<string>): ReadonlyArray<string> | undefined => {
    const before = trail.indexOf(file)
    if (before >= 0) return [...trail.slice(before), file]
    if (done.has(file)) return undefined
    done.add(file)
    for (const it of modules.find((it) => it.path === file)?.imports.filter(follows) ?? []) {
      const circle = visit(it.from, [...trail, file])
      if (circle !== undefined) return circle
    }
    return undefined
  }
  for (const module of modules) {
    const circle = visit(module.path, [])
    if (circle !== undefined) return circle
  }
  return undefined
}
