/** Accounts for every call: as its caller saw it, and as its circuit counted it. */

/** Calls that ran, by the outcome that their end has under the default classifier. */
export interface Ended {
  succeeded: number
  failed: number
  ignored: number
}

/** The calls of a circuit, or of a breaker, as their callers saw them. */
export interface Account {
  made: number
  running: number
  rejected: number
  /** Calls whose callers left before they were admitted or rejected. */
  abandoned: number
  readonly ended: Ended
  /** Ended calls during which the circuit changed its state: they count nowhere. */
  readonly overtaken: Ended
  /** Ended calls for which it is unknown from outside whether they count. */
  uncertain: number
  /** Violations by single calls. */
  readonly wrong: Array<string>
}

export const emptyAccount = (): Account => ({
  made: 0,
  running: 0,
  rejected: 0,
  abandoned: 0,
  ended: { succeeded: 0, failed: 0, ignored: 0 },
  overtaken: { succeeded: 0, failed: 0, ignored: 0 },
  uncertain: 0,
  wrong: []
})

/** The accounts of a process, and what was seen beside them. */
export interface Book {
  readonly accounts: Map<string, Account>
  /** The longest that a call took beyond the time of its dependency, in milliseconds. */
  slowestMillis: number
  transitions: number
}

export const emptyBook = (): Book => ({ accounts: new Map(), slowestMillis: 0, transitions: 0 })

/** The account of a name, opened if need be. */
export const accountIn = ({ accounts }: Book, name: string): Account => {
  const known = accounts.get(name)
  if (known !== undefined) return known
  const account = emptyAccount()
  accounts.set(name, account)
  return account
}

/** The totals of a circuit, or of a breaker. */
export interface Totals extends Readonly<Ended> {
  readonly rejected: number
}

export const noTotals: Totals = { succeeded: 0, failed: 0, ignored: 0, rejected: 0 }

export const minus = (totals: Totals, before: Totals): Totals => ({
  succeeded: totals.succeeded - before.succeeded,
  failed: totals.failed - before.failed,
  ignored: totals.ignored - before.ignored,
  rejected: totals.rejected - before.rejected
})

const outcomes = ["succeeded", "failed", "ignored"] as const

export const sumOf = ({ failed, ignored, succeeded }: Readonly<Ended>): number => succeeded + failed + ignored

/** The sums that are wrong when no call runs any more. */
export const problemsOf = (name: string, account: Account, totals: Totals): ReadonlyArray<string> => {
  const { abandoned, ended, made, overtaken, rejected, running, uncertain, wrong } = account
  const problems = wrong.map((it) => `${name}: ${it}`)
  const say = (problem: string) => problems.push(`${name}: ${problem}`)
  if (running !== 0) say(`${running} calls never ended`)
  const accounted = rejected + abandoned + sumOf(ended) + running
  if (made !== accounted) say(`${made} calls were made, and ${accounted} are accounted for`)
  if (totals.rejected !== rejected) say(`${rejected} calls were rejected, and ${totals.rejected} counted so`)
  for (const outcome of outcomes) {
    const counted = totals[outcome]
    const most = ended[outcome]
    const expected = most - overtaken[outcome]
    if (counted > most) say(`${most} calls ${outcome}, and ${counted} were counted so`)
    else if (counted < expected - uncertain || counted > expected + uncertain) {
      const but = uncertain === 0 ? "" : `, give or take ${uncertain}`
      say(`${counted} calls were counted as ${outcome} instead of ${expected}${but}`)
    }
  }
  return problems
}
