import type { LogLevel } from "@stryker-mutator/api/core"
import { Stryker } from "@stryker-mutator/core"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { Judged } from "./judges.ts"
import { isFolder, judges } from "./judges.ts"

/**
 * `npm run mutation:breaker`, `mutation:http` and `mutation:replica`: measures a folder file by file, each with the tests
 * that judge it. `npm run mutation:breaker -- begin call` measures these two alone, and `-- begin:40-60` some lines of one.
 */
const [folder = "", ...names] = process.argv.slice(2)
if (!isFolder(folder)) throw new Error(`breaker, core/replica or http, not "${folder}"`)

interface Named extends Judged {
  /** The lines to change, `:from-to`; all of them if empty. */
  readonly lines: string
}

const wanted: ReadonlyArray<Named> =
  names.length === 0
    ? judges[folder].map((judged) => ({ ...judged, lines: "" }))
    : names.map((name) => {
        const [file, lines] = name.split(":")
        const judged = judges[folder].find((one) => one.file === `${folder}/${file}`)
        if (judged === undefined) throw new Error(`No tests judge ${folder}/${file}`)
        return { ...judged, lines: lines === undefined ? "" : `:${lines}` }
      })

const measure = async ({ file, lines, tests }: Named): Promise<string> => {
  const begun = Date.now()
  const results = await new Stryker({
    mutate: [`src/internal/${file}.ts${lines}`],
    mutator: { excludedMutations: ["StringLiteral"] },
    ignorers: ["option-names"],
    testRunner: "in-process",
    plugins: [fileURLToPath(new URL("inProcess.ts", import.meta.url))],
    testRunnerNodeArgs: ["--import", "tsx"],
    inProcess: tests.filter((test) => existsSync(test)),
    tsconfigFile: "none",
    coverageAnalysis: "perTest",
    concurrency: 1,
    timeoutMS: 20_000,
    tempDirName: ".stryker-tmp",
    reporters: ["json"],
    jsonReporter: { fileName: `reports/mutation/${file}${lines}.json` },
    warnings: false,
    // A constant enum, of which there is no value to import.
    logLevel: "error" as LogLevel
  }).runMutationTest()
  const seconds = Math.round((Date.now() - begun) / 1000)
  const judged = results.filter(({ status }) => status !== "Ignored")
  const survivors = judged.filter(({ status }) => status !== "Killed" && status !== "Timeout")
  for (const { location, mutatorName, replacement, status } of survivors) {
    const { column, line } = location.start
    console.log(`  ${file}.ts:${line}:${column} ${status} ${mutatorName}: ${replacement}`)
  }
  const killed = judged.length - survivors.length
  return `${file}${lines}: ${killed} of ${judged.length}, ${((100 * killed) / judged.length).toFixed(1)} %, ${seconds} s`
}

for (const judged of wanted) {
  try {
    console.log(await measure(judged))
  } catch (error) {
    console.log(`${judged.file}: ${String(error)}`)
    process.exitCode = 1
  }
}
