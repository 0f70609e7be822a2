import { fork } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"

/** A module of this folder in a process of its own, which ends with this one. */
export const child = (name: string) => {
  const process = fork(join(import.meta.dirname, `${name}.js`))
  const answer = async (): Promise<number> => {
    const [value] = await once(process, "message")
    return Number(value)
  }
  return {
    answer,
    ask: (question: object): Promise<number> => {
      const answered = answer()
      process.send(question)
      return answered
    }
  }
}
