import { fork } from "node:child_process"
import type { Entries } from "./compile.ts"
import type { Answer } from "./child.ts"
import type { Sample, Scale } from "./case.ts"

/** A case in a process of its own, prepared and waiting. */
export interface CaseProcess {
  readonly name: string
  readonly round: () => Promise<Sample>
  readonly close: () => void
}

/** Ends the name of a case that runs without metrics. */
export const unmetered = ", unmetered"

/**
 * Starts a case in plain `node`, on compiled JavaScript: `tsx` names every closure when it is made, which would
 * burden the library, that it compiles, and not the peers, that it does not.
 */
export const start = async (
  entries: Entries,
  name: string,
  scale: Scale,
  nodeOptions: ReadonlyArray<string>
): Promise<CaseProcess> => {
  const execArgv = ["--expose-gc", "--max-old-space-size=8192", ...nodeOptions]
  const isPlain = !name.endsWith(unmetered)
  const child = fork(
    isPlain ? entries.plain : entries.withoutMetrics,
    [isPlain ? name : name.slice(0, -unmetered.length), scale],
    { execArgv }
  )
  const answered = () =>
    new Promise<Answer>((resolve) => {
      const settle = (answer: Answer) => {
        child.off("message", onMessage)
        child.off("exit", onExit)
        resolve(answer)
      }
      const onMessage = (message: unknown) => settle(message as Answer)
      const onExit = (code: number | null) =>
        settle({ _tag: "Failed", message: `exited with ${String(code)}` })
      child.on("message", onMessage)
      child.on("exit", onExit)
    })
  const close = () => {
    if (child.connected) {
      child.disconnect()
    }
  }

  const prepared = await answered()
  if (prepared._tag === "Failed") {
    close()
    throw new Error(`${name}: ${prepared.message}`)
  }
  return {
    name,
    round: async () => {
      const answer = answered()
      child.send("round")
      const settled = await answer
      if (settled._tag === "Measured") {
        return settled.sample
      }
      throw new Error(`${name}: ${settled._tag === "Failed" ? settled.message : "answered out of turn"}`)
    },
    close
  }
}
