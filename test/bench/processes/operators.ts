import { setInterval, setTimeout } from "node:timers/promises"
import { serve } from "../process.ts"

/** So many pages are open from now on, or so many times the first page of the list is to be asked for. */
type Question = { readonly open: number } | { readonly list: number }

/** Operators with the dashboard open, without a browser: each page follows the events, and asks what the page asks. */
serve<Question>(async (port = "") => {
  const base = `http://127.0.0.1:${port}/circuits`
  const read = async (path: string) => (await fetch(`${base}/${path}`)).text()
  const firstPage = "circuits?offset=0&limit=50"
  // a page of the dashboard asks for fewer circuits, which still are more than a window shows
  const firstRows = "circuits?offset=0&limit=25"
  const details = `circuit?breaker=crowd&key=${encodeURIComponent("tenant-0")}`
  let close = new AbortController()

  const follow = async (signal: AbortSignal) => {
    const { body } = await fetch(`${base}/events`, { signal })
    const reader = body!.getReader()
    await reader.read()
    const all = async () => {
      while (!(await reader.read()).done);
    }
    all().catch(() => undefined)
  }

  // a page asks for its list at most every two seconds, and does so while circuits change their state
  const openPage = async (signal: AbortSignal) => {
    await read("breakers")
    await read(firstRows)
    await follow(signal)
    const asking = async () => {
      let second = 0
      for await (const _ of setInterval(1_000, undefined, { signal })) {
        second++
        if (second % 2 === 0) await Promise.all([read(firstRows), read(details)])
        if (second % 15 === 0) await read("breakers")
      }
    }
    asking().catch(() => undefined)
  }

  const open = async (pages: number) => {
    close.abort()
    close = new AbortController()
    for (let page = 0; page < pages; page++) await openPage(close.signal)
    // the server has heard of those that have left
    await setTimeout(50)
    return pages
  }

  const list = async (count: number) => {
    const millis: Array<number> = []
    for (let i = 0; i < count; i++) {
      const from = performance.now()
      await read(firstPage)
      millis.push(performance.now() - from)
    }
    return millis
  }

  return (question) => ("open" in question ? open(question.open) : list(question.list))
})
