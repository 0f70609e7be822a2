/** The work of `effect3.ts` as a promise-based library wraps it. */
export const work = async () => 1

/** Calls and awaits, one after the other. */
export const loop = (call: () => Promise<unknown>) => async (calls: number) => {
  for (let done = 0; done < calls; done++) {
    await call()
  }
}

/** The same where every call is expected to be rejected, and the caller goes on. */
export const loopHandled = (call: () => Promise<unknown>) => async (calls: number) => {
  for (let done = 0; done < calls; done++) {
    try {
      await call()
    } catch {
      continue
    }
  }
}

export const assertRejects = async (call: () => Promise<unknown>) => {
  const rejected = await call().then(
    () => false,
    () => true
  )
  if (!rejected) {
    throw new Error("the circuit is not open")
  }
}
