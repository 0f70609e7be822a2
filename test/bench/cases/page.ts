import { setTimeout } from "node:timers/promises"
import { chromium } from "playwright-core"
import { chromiumPath } from "../../browser/chromium.ts"
import { makeCrowd } from "../crowd.ts"
import type { Case, Cases } from "../case.ts"

interface TraceEvent {
  readonly name: string
  readonly ph: string
  readonly pid: number
  readonly tid: number
  readonly dur?: number
  readonly tdur?: number
  readonly args: { readonly name?: string }
}

/** The tasks of the page's main thread, in milliseconds: a frame is one of them, from its script to its painting. */
const tasksIn = (trace: Buffer) => {
  const { traceEvents }: { readonly traceEvents: ReadonlyArray<TraceEvent> } = JSON.parse(trace.toString())
  const threadOf = ({ pid, tid }: TraceEvent) => `${pid} ${tid}`
  const main = new Set(
    traceEvents
      .filter(({ args, name }) => name === "thread_name" && args.name === "CrRendererMain")
      .map(threadOf)
  )
  const tasks = traceEvents.filter((it) => it.name === "RunTask" && it.ph === "X" && main.has(threadOf(it)))
  if (tasks.length === 0) throw new Error("the trace has no tasks of the page's main thread")
  const longest = (taken: (task: TraceEvent) => number | undefined) =>
    Math.max(...tasks.map((task) => (taken(task) ?? 0) / 1_000))
  return { cpu: longest((task) => task.tdur), wall: longest((task) => task.dur) }
}

/**
 * The longest task of a page that shows 10,000 circuits, one in a hundred of which fails. It is told once a second what
 * has changed, and asks for its list as often.
 */
const frames: Case = async (size) => {
  const { call, port } = await makeCrowd(size(10_000, 100))
  const browser = await chromium.launch({
    ...(chromiumPath !== undefined && { executablePath: chromiumPath }),
    // the sandbox of Chromium does not start for root; the only page is our own
    args: ["--no-sandbox"]
  })
  process.on("exit", () => void browser.close())
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
  await page.goto(`http://127.0.0.1:${port}/dashboard`)
  const keepCalling = async () => {
    for (;;) {
      await call(500)
      await setTimeout(50)
    }
  }
  void keepCalling()
  await page.locator("#status.live").waitFor()
  await page.locator("#circuits > .row.is-Open").first().waitFor()
  return async () => {
    await browser.startTracing(page, {
      categories: ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"]
    })
    await setTimeout(size(10_000, 1_500))
    return tasksIn(await browser.stopTracing())
  }
}

export const cases: Cases = { frames }
