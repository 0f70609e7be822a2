import { fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"

/** A module in a process of its own, which ends with this one. It answers each question with a number. */
export const helper = (module: URL) => {
  const process = fork(fileURLToPath(module))
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
