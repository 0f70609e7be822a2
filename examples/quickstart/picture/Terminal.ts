/**
 * Runs a program of this repository in a stand-in for a terminal.
 */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

export const columns = 80
export const rows = 40

const root = fileURLToPath(new URL("../../..", import.meta.url))
const asTerminal = new URL("./asTerminal.ts", import.meta.url).href

/** The output of the program, including the movements of the cursor and the colours. */
export const outputOf = async (program: string, args: ReadonlyArray<string> = []): Promise<string> => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--import", "tsx", "--import", asTerminal, program, ...args],
    { cwd: root, env: { ...process.env, TERM: "xterm-256color" }, maxBuffer: 64 * 1024 * 1024 }
  )
  return stdout
}
