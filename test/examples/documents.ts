import * as fs from "node:fs"
import * as path from "node:path"
import { root } from "./program.ts"

/** The README and the guides, as paths in the repository. */
export const guides: ReadonlyArray<string> = [
  "README.md",
  ...fs
    .readdirSync(path.join(root, "examples"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md"))
    .map((file) => `examples/${file.replaceAll("\\", "/")}`)
    .toSorted()
]

export const read = (file: string): string => fs.readFileSync(path.join(root, file), "utf8")
