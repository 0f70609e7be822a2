/**
 * The text that a terminal shows after a program has written to it. It knows the control sequences that the demo uses.
 */

export type Colour = "black" | "red" | "green" | "yellow" | "blue" | "magenta" | "cyan" | "white"

export interface Style {
  readonly isBold: boolean
  readonly isDim: boolean
  /** The terminal's own colour where there is none. */
  readonly foreground: Colour | undefined
  readonly background: Colour | undefined
}

export interface Cell {
  readonly character: string
  readonly style: Style
}

export const plain: Style = { isBold: false, isDim: false, foreground: undefined, background: undefined }

/** The rows from the top, each of its own length. */
export const shown = (output: string): ReadonlyArray<ReadonlyArray<Cell>> => {
  const rows: Array<Array<Cell>> = [[]]
  const cursor = { row: 0, column: 0 }
  let style = plain

  const write = (text: string) => {
    for (const character of text) {
      if (character === "\r") cursor.column = 0
      else if (character === "\n") {
        cursor.row++
        cursor.column = 0
        rows[cursor.row] ??= []
      } else {
        const row = rows[cursor.row]!
        while (row.length < cursor.column) row.push({ character: " ", style: plain })
        row[cursor.column++] = { character, style }
      }
    }
  }

  const obey = (command: string, parameters: string) => {
    switch (command) {
      case "A":
        cursor.row = Math.max(0, cursor.row - Number(parameters || 1))
        return
      case "K":
        rows[cursor.row]!.length = Math.min(rows[cursor.row]!.length, cursor.column)
        return
      case "J":
        rows[cursor.row]!.length = Math.min(rows[cursor.row]!.length, cursor.column)
        rows.length = cursor.row + 1
        return
      case "m":
        style = parameters.split(";").map(Number).reduce(styled, style)
        return
      case "h":
      case "l":
        return // the cursor is shown or hidden, and lines are wrapped or cut
      default:
        throw new Error(`not known to this terminal: ESC [ ${parameters} ${command}`)
    }
  }

  const [first = "", ...others] = output.split("\u001b[")
  write(first)
  for (const other of others) {
    const [sequence, parameters, command] = /^([?\d;]*)([A-Za-z])/.exec(other)!
    obey(command!, parameters!)
    write(other.slice(sequence.length))
  }
  // The last line has been ended; the one that the cursor is on has not begun.
  return rows.at(-1)?.length === 0 ? rows.slice(0, -1) : rows
}

const styled = (style: Style, code: number): Style => {
  if (code === 0) return plain
  if (code === 1) return { ...style, isBold: true }
  if (code === 2) return { ...style, isDim: true }
  if (code === 22) return { ...style, isBold: false, isDim: false }
  if (code === 39) return { ...style, foreground: undefined }
  if (code === 49) return { ...style, background: undefined }
  if (code >= 30 && code <= 37) return { ...style, foreground: colours[code - 30] }
  if (code >= 40 && code <= 47) return { ...style, background: colours[code - 40] }
  throw new Error(`a style that is not known to this terminal: ${code}`)
}

const colours: ReadonlyArray<Colour> = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"]
