/**
 * Runs tests for Stryker in its own process. Most of the time that Vitest needs for a mutant goes into a new worker that
 * loads Effect again. Here the tests and all that they import are one script, which is compiled once and evaluated
 * anew for each mutant, so that no state is left of the one before.
 */
import type { StrykerOptions } from "@stryker-mutator/api/core"
import { INSTRUMENTER_CONSTANTS } from "@stryker-mutator/api/core"
import type { Ignorer } from "@stryker-mutator/api/ignore"
import {
  commonTokens,
  declareFactoryPlugin,
  declareValuePlugin,
  PluginKind,
  tokens
} from "@stryker-mutator/api/plugin"
import type {
  DryRunOptions,
  DryRunResult,
  MutantRunOptions,
  MutantRunResult,
  TestResult,
  TestRunner
} from "@stryker-mutator/api/test-runner"
import {
  determineHitLimitReached,
  DryRunStatus,
  TestStatus,
  toMutantRunResult
} from "@stryker-mutator/api/test-runner"
import { build } from "esbuild"
import { createRequire } from "node:module"
import { join, resolve } from "node:path"
import { Script } from "node:vm"
import { tooSlow } from "./judges.ts"
import type { Collected } from "./vitestStub.ts"

/** The global state of instrumented code. */
interface Namespace {
  activeMutant: string | undefined
  currentTestId: string | undefined
  hitCount: number | undefined
  hitLimit: number | undefined
  mutantCoverage: NonNullable<DryRunResultOf["mutantCoverage"]> | undefined
}

type DryRunResultOf = Extract<DryRunResult, { readonly status: DryRunStatus.Complete }>

/** A test that hangs; the others take milliseconds. */
const timeoutMillis = 5_000

const instrumented = (): Namespace =>
  ((globalThis as Record<string, unknown>)[INSTRUMENTER_CONSTANTS.NAMESPACE] ??= {}) as Namespace

class InProcessRunner implements TestRunner {
  private readonly namespace = instrumented()
  private readonly files: ReadonlyArray<string>
  /** A test that Stryker knows. */
  private someTest = ""
  private script: Script | undefined = undefined
  /** Fails the test that runs. */
  private interrupt: (error: unknown) => void = () => {}

  constructor(files: ReadonlyArray<string>) {
    this.files = files
  }

  capabilities() {
    return { reloadEnvironment: true }
  }

  async init(): Promise<void> {
    const { outputFiles } = await build({
      stdin: {
        contents: this.files
          .map((file) => `globalThis.evaluate(${JSON.stringify(file)}, () => require("./${file}"))`)
          .join("\n"),
        resolveDir: process.cwd()
      },
      bundle: true,
      write: false,
      platform: "node",
      format: "cjs",
      target: "node20",
      logLevel: "error",
      alias: {
        "effect-circuit-breaker": resolve("src/index.ts"),
        vitest: resolve("test/mutation/vitestStub.ts")
      },
      plugins: [
        {
          name: "modules of the package",
          setup: ({ onResolve }) =>
            onResolve({ filter: /^effect-circuit-breaker\// }, ({ path }) => ({
              path: resolve("src", `${path.slice(path.indexOf("/") + 1)}.ts`)
            }))
        }
      ]
    })
    this.script = new Script(`(function (require) {${outputFiles[0]!.text}\n})`, { filename: "tests.cjs" })
    process.on("uncaughtException", (error) => this.interrupt(error))
    process.on("unhandledRejection", (error) => this.interrupt(error))
  }

  async dryRun({ coverageAnalysis }: DryRunOptions): Promise<DryRunResult> {
    this.namespace.mutantCoverage = coverageAnalysis === "off" ? undefined : { static: {}, perTest: {} }
    const tests = await this.run(undefined)
    this.someTest = tests[0]?.id ?? ""
    const { mutantCoverage } = this.namespace
    return {
      status: DryRunStatus.Complete,
      tests,
      ...(mutantCoverage === undefined ? {} : { mutantCoverage })
    }
  }

  async mutantRun(options: MutantRunOptions): Promise<MutantRunResult> {
    const { namespace } = this
    const { id } = options.activeMutant
    namespace.hitLimit = options.hitLimit
    namespace.hitCount = 0
    const activate = () => {
      namespace.activeMutant = id
    }
    if (options.mutantActivation === "static") activate()
    const tests = await this.run(options.testFilter, activate).catch((error: unknown) => [
      // A file that cannot be evaluated fails its tests.
      { id: this.someTest, name: this.someTest, timeSpentMs: 0, ...failedBy(error) }
    ])
    namespace.activeMutant = undefined
    return toMutantRunResult(
      determineHitLimitReached(namespace.hitCount, options.hitLimit) ?? {
        status: DryRunStatus.Complete,
        tests
      }
    )
  }

  /** Runs the tests until one of a mutant fails. */
  private async run(
    ids: ReadonlyArray<string> | undefined,
    activate?: () => void
  ): Promise<Array<TestResult>> {
    const wanted = ids === undefined ? undefined : new Set(ids)
    const results: Array<TestResult> = []
    const files =
      ids === undefined
        ? this.files
        : this.files.filter((file) => ids.some((id) => id.startsWith(`${file}#`)))
    for (const { name, run } of await this.collect(files)) {
      if (wanted !== undefined && !wanted.has(name)) continue
      activate?.()
      this.namespace.currentTestId = name
      const begun = performance.now()
      const failure = await this.failureOf(run)
      this.namespace.currentTestId = undefined
      const test = { id: name, name, timeSpentMs: performance.now() - begun }
      if (failure === undefined) {
        results.push({ ...test, status: TestStatus.Success })
        continue
      }
      results.push({ ...test, ...failedBy(failure.error) })
      if (activate !== undefined) break
    }
    return results
  }

  private async collect(files: ReadonlyArray<string>): Promise<ReadonlyArray<Collected>> {
    for (const key of Object.keys(globalThis)) {
      if (key.startsWith("effect/GlobalValue")) Reflect.deleteProperty(globalThis, key)
    }
    const tests: Array<Collected> = []
    const before: Array<() => unknown> = []
    const evaluate = (file: string, load: () => void) => {
      if (!files.includes(file)) return
      const collected: Array<Collected> = []
      const afterEach: Array<() => unknown> = []
      Object.assign(globalThis, { collectedTests: { afterEach, before, collected } })
      load()
      for (const { name, run } of collected) {
        if (tooSlow.some((part) => name.includes(part))) continue
        const inFull: Collected["run"] = async (context) => {
          for (const end of afterEach) context.onTestFinished(end)
          await run(context)
        }
        tests.push({ name: `${file}#${name}`, run: inFull })
      }
    }
    Object.assign(globalThis, { evaluate })
    this.script!.runInThisContext()(createRequire(join(process.cwd(), "tests.cjs")))
    for (const hook of before) await hook()
    return tests
  }

  private failureOf(run: Collected["run"]): Promise<{ readonly error: unknown } | undefined> {
    return new Promise((resolve) => {
      const ends: Array<() => unknown> = []
      const end = (failure?: { readonly error: unknown }) => {
        clearTimeout(timer)
        for (const one of ends.splice(0)) void one()
        resolve(failure)
      }
      const fail = (error: unknown) => end({ error })
      const timer = setTimeout(() => fail("timed out"), timeoutMillis)
      this.interrupt = fail
      const context = {
        onTestFinished: (one: () => unknown) => void ends.push(one),
        signal: new AbortController().signal
      }
      Promise.resolve()
        .then(() => run(context))
        .then(() => end(), fail)
    })
  }
}

const failedBy = (error: unknown) => ({ status: TestStatus.Failed as const, failureMessage: String(error) })

const makeRunner = (options: StrykerOptions): TestRunner =>
  // Only `shell.ts` sets it.
  new InProcessRunner(options["inProcess"] as ReadonlyArray<string>)
makeRunner.inject = tokens(commonTokens.options)

/** The properties of a node of the syntax tree that are read here, for which Stryker's interface has no type. */
interface SyntaxPath {
  readonly node: {
    readonly type: string
    readonly typeAnnotation?: { readonly typeName?: { readonly name?: string } }
  }
}

/** The names of options are the keys of an object whose values nobody reads. */
const optionNames: Ignorer = {
  shouldIgnore: (path) => {
    const { node } = path as unknown as SyntaxPath
    return node.type === "TSSatisfiesExpression" && node.typeAnnotation?.typeName?.name === "Record"
      ? "only its keys are read"
      : undefined
  }
}

export const strykerPlugins = [
  declareFactoryPlugin(PluginKind.TestRunner, "in-process", makeRunner),
  declareValuePlugin(PluginKind.Ignore, "option-names", optionNames)
]
