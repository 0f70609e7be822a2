import { fork } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"

/** A module in a process of its own that answers questions, one at a time. */
export interface Process<Value> {
  readonly ask: (question?: object) => Promise<Value>
  readonly close: () => void
}

type Answer = { readonly value: unknown } | { readonly error: string }

/** Starts a module that calls {@link serve}, and waits until it is prepared. */
export const start = async <Value>(
  module: string,
  args: ReadonlyArray<string>,
  nodeOptions: ReadonlyArray<string>
): Promise<Process<Value>> => {
  const child = fork(module, [...args], { execArgv: [...nodeOptions] })
  const answer = async (): Promise<Value> => {
    const answered = new AbortController()
    const { signal } = answered
    const found: Answer = await Promise.race([
      once(child, "message", { signal }).then(([message]) => message),
      once(child, "exit", { signal }).then(([code]) => ({ error: `the process ended with ${code}` }))
    ])
    answered.abort()
    if ("error" in found) {
      close()
      throw new Error(found.error)
    }
    return found.value as Value
  }
  const close = () => {
    if (child.connected) child.disconnect()
  }
  await answer()
  return {
    ask: (question = {}) => {
      const answered = answer()
      child.send(question)
      return answered
    },
    close
  }
}

/** Starts a process that helps a case. It answers with a number, or what else the case expects. */
export const startHelper = <Value = number>(
  name: string,
  ...args: ReadonlyArray<string>
): Promise<Process<Value>> => start(join(import.meta.dirname, `processes/${name}.js`), args, [])

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Prepares, and then answers the questions of the process that started this one. It ends with that process. */
export const serve = <Question>(
  prepare: (...args: ReadonlyArray<string>) => Promise<(question: Question) => Promise<unknown>>
): void => {
  const send = (answer: Answer) => void process.send?.(answer)
  const fail = (error: unknown) => send({ error: messageOf(error) })
  process.on("disconnect", () => process.exit())
  // an error that is thrown in a timer reaches nobody else
  process.on("uncaughtException", fail)
  prepare(...process.argv.slice(2)).then((answer) => {
    process.on("message", (question: Question) => {
      answer(question).then((value) => send({ value }), fail)
    })
    send({ value: "prepared" })
  }, fail)
}
