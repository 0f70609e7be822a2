/**
 * A block of TypeScript in a document. `line` is the line of its first line of code, counted from 1; `copyOf` is the
 * file that it shows a part of, if a comment says so.
 */
export interface Block {
  readonly file: string
  readonly line: number
  readonly code: string
  readonly copyOf: string | undefined
}

/** The blocks of a Markdown file, or of the documentation comments of a TypeScript file. */
export const blocksOf = (file: string, text: string): ReadonlyArray<Block> => {
  const blocks: Array<Block> = []
  let open: { readonly line: number; readonly code: Array<string> } | undefined
  let copyOf: string | undefined
  const lines = file.endsWith(".ts") ? text.split("\n").map(commentText) : text.split("\n")
  for (const [index, line] of lines.entries()) {
    if (open !== undefined) {
      if (!closesBlock.test(line)) {
        open.code.push(line)
        continue
      }
      blocks.push({ file, line: open.line, code: open.code.join("\n"), copyOf })
      open = undefined
      copyOf = undefined
    } else if (opensBlock.test(line)) {
      open = { line: index + 2, code: [] }
    } else if (copyOf === undefined) {
      copyOf = copyMark.exec(line)?.[1]
    } else if (line.trim() !== "") {
      throw new Error(`${file}:${index + 1}: a block of TypeScript has to follow the mark of ${copyOf}`)
    }
  }
  if (open !== undefined) throw new Error(`${file}:${open.line}: the block is not closed`)
  return blocks
}

const opensBlock = /^\s*```ts\b/
const closesBlock = /^\s*```\s*$/
const copyMark = /^<!-- example: (\S+) -->$/

const commentText = (line: string): string => /^\s*\* ?(.*)$/.exec(line)?.[1] ?? ""
