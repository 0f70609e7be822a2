import type { Classifier, Ending } from "./Ending.ts"
import type { Held, Verdict } from "./ModelCircuit.ts"

const times = (
  table: Record<string, Record<string, number>>,
  requirement: (row: string, column: string) => string
): ReadonlyArray<readonly [requirement: string, atLeast: number]> =>
  Object.entries(table).flatMap(([row, columns]) =>
    Object.entries(columns).map(([column, atLeast]) => [requirement(row, column), atLeast] as const)
  )

const ended = (ending: string, by: string): string =>
  by === "owner"
    ? `R3.1.8 a call ends: ${ending}, settled by its owner`
    : `R3.1 a call ends: ${ending}, classified by ${by}`

/** The number of calls that have to end in each way, by classifier. */
const endings = {
  BadValue: { breaker: 440, call: 25, default: 60, owner: 70 },
  ClassifyThrows: { breaker: 200, call: 7, default: 30, owner: 30 },
  Defect: { breaker: 400, call: 20, default: 70, owner: 90 },
  Failure: { breaker: 4_300, call: 550, default: 690, owner: 960 },
  Hint: { breaker: 910, call: 50, default: 150, owner: 220 },
  Ignored: { breaker: 430, call: 15, default: 70, owner: 110 },
  Interrupted: { breaker: 420, call: 30, default: 60, owner: 90 },
  InterruptsItself: { breaker: 220, call: 10, default: 25, owner: 50 },
  OtherRejection: { breaker: 180, call: 15, default: 30, owner: 40 },
  OwnRejection: { breaker: 170, call: 7, default: 40, owner: 50 },
  SameNameRejection: { breaker: 200, call: 10, default: 30, owner: 250 },
  Several: { breaker: 790, call: 65, default: 150, owner: 140 },
  Success: { breaker: 2_500, call: 160, default: 400, owner: 500 }
}

/** The required number of each transition. */
const transitions = {
  Closed: { Closed: 320, Disabled: 310, Isolated: 760, Open: 1_900 },
  Disabled: { Closed: 200, Disabled: 45, Isolated: 130 },
  HalfOpen: { Closed: 470, Disabled: 65, Isolated: 100, Open: 380, Recovering: 220 },
  Isolated: { Closed: 510, Disabled: 360 },
  Open: { Closed: 130, Disabled: 55, HalfOpen: 1_300, Isolated: 70, Open: 50 },
  Recovering: { Closed: 60, Disabled: 6, Isolated: 15, Open: 30 }
}

/** The number of outcomes of each kind that have to come too late in each state. */
const lateOutcomes = {
  Failure: { Closed: 40, Disabled: 45, HalfOpen: 8, Isolated: 40, Open: 170, Recovering: 3 },
  Ignored: { Closed: 3, Disabled: 10, HalfOpen: 2, Isolated: 7, Open: 20 },
  Interrupted: { Closed: 10, Disabled: 7, HalfOpen: 2, Isolated: 8, Open: 50, Recovering: 3 },
  Success: { Closed: 20, Disabled: 20, HalfOpen: 3, Isolated: 15, Open: 90, Recovering: 2 }
}

/** The cases that a run of the model test has to cover, and how often, for its success to be meaningful. */
export const requirements: ReadonlyArray<readonly [requirement: string, atLeast: number]> = [
  ...times(endings, ended),
  ...times(transitions, (from, to) => `R3.2 ${from} to ${to}`),
  ...times(lateOutcomes, (outcome, state) => `R3.2.6 late ${outcome} while ${state}`),
  ["R3.1.1 rejected while HalfOpen", 400],
  ["R3.1.1 rejected while Isolated", 1_500],
  ["R3.1.1 rejected while Open", 2_500],
  ["R3.1.1 rejected while Recovering", 190],
  ["R3.1.3 Closed admits", 11_600],
  ["R3.1.4 an Ignored outcome leaves the window alone", 690],
  ["R3.1.4 an interrupted slow call is recorded", 100],
  ["R3.1.6 a rejection is handed on while Closed: Failure", 10],
  ["R3.1.6 a rejection is handed on while Closed: Ignored", 95],
  ["R3.1.6 a rejection is handed on while Disabled: Ignored", 25],
  ["R3.1.6 a rejection is handed on while HalfOpen: Ignored", 110],
  ["R3.1.6 a rejection is handed on while Isolated: Ignored", 4],
  ["R3.1.6 a rejection is handed on while Open: Failure", 3],
  ["R3.1.6 a rejection is handed on while Open: Ignored", 2],
  ["R3.1.6 a rejection is handed on while Recovering: Ignored", 10],
  ["R3.1.8 of several outcomes the first counts: Failure", 75],
  ["R3.1.8 of several outcomes the first counts: Ignored", 70],
  ["R3.1.9 of several failures: Failure, by breaker", 770],
  ["R3.1.9 of several failures: Failure, by default", 150],
  ["R3.1.9 of several failures: Ignored, by breaker", 10],
  ["R3.1.9 of several failures: Interrupted, by breaker", 2],
  ["R3.1.9 of several failures: Success, by call", 65],
  ["R3.2.1 AllOf trips while Closed", 170],
  ["R3.2.1 AnyOf trips while Closed", 250],
  ["R3.2.1 AnyOf trips while Recovering", 3],
  ["R3.2.1 Consecutive trips while Closed", 320],
  ["R3.2.1 Consecutive trips while Recovering", 3],
  ["R3.2.1 Custom trips while Closed", 270],
  ["R3.2.1 Custom trips while Recovering", 3],
  ["R3.2.1 FailureCount trips while Closed", 240],
  ["R3.2.1 FailureCount trips while Recovering", 2],
  ["R3.2.1 FailureRate trips while Closed", 280],
  ["R3.2.1 FailureRate trips while Recovering", 2],
  ["R3.2.1 Interrupted trips a rate", 30],
  ["R3.2.1 SlowCallRate trips while Closed", 100],
  ["R3.2.1 Success completes AllOf", 12],
  ["R3.2.1 Success trips a rate", 60],
  ["R3.2.2 HalfOpen at exactly the end of the opening", 590],
  ["R3.2.2 Open reads as HalfOpen when over", 10_400],
  ["R3.2.2 Recovering reads as Closed when over", 530],
  ["R3.2.2 rejected within the last millisecond of an opening", 520],
  ["R3.2.2 the wall clock is set back", 110],
  ["R3.2.2 the wall clock is set forward", 120],
  ["R3.2.3 a probe fails and more failures are needed", 180],
  ["R3.2.3 a probe succeeds and more are awaited", 360],
  ["R3.2.3 a second probe runs beside the first", 90],
  ["R3.2.3 rejected although one more success is awaited", 40],
  ["R3.2.3 rejected while every probe slot is taken", 400],
  ["R3.2.3 the last failure reopens", 290],
  ["R3.2.3 the last probe closes", 390],
  ["R3.2.4 Ignored probe gives its slot back", 90],
  ["R3.2.4 Interrupted probe gives its slot back", 50],
  ["R3.2.5 an expired slot is taken by the next caller", 120],
  ["R3.2.5 late Failure of a probe whose slot was taken over", 50],
  ["R3.2.5 late Failure of a probe without a lease", 40],
  ["R3.2.5 late Ignored of a probe whose slot was taken over", 4],
  ["R3.2.5 late Ignored of a probe without a lease", 4],
  ["R3.2.5 late Interrupted of a probe whose slot was taken over", 10],
  ["R3.2.5 late Interrupted of a probe without a lease", 10],
  ["R3.2.5 late Success of a probe whose slot was taken over", 20],
  ["R3.2.5 late Success of a probe without a lease", 15],
  ["R3.2.5 rejected within the last millisecond of a lease", 60],
  ["R3.2.6 an outcome admitted while Recovering counts after the recovery ended", 2],
  ["R3.2.6 an outcome for a circuit that was dropped", 80],
  ["R3.2.7 a later opening has another length", 150],
  ["R3.2.7 the backoff is back at 0", 80],
  ["R3.2.7 the backoff survives the close", 80],
  ["R3.2.8 a hint is capped by maxOpenDuration", 50],
  ["R3.2.8 a hint lengthens an opening", 50],
  ["R3.2.8 a hint never shortens an opening", 110],
  ["R3.2.9 Recovering admits a share", 120],
  ["R3.2.9 Recovering rejects the rest", 190],
  ["R3.2.9 the last probe starts Recovering", 220],
  ["R3.2.10 an idle gap has emptied the window", 70],
  ["R3.2.11 a slow probe has failed: Interrupted", 12],
  ["R3.2.11 a slow probe has failed: Success", 15],
  ["R3.3 Disabled admits", 1_600],
  ["R3.3 Failure while Disabled counts in the totals alone", 850],
  ["R3.3 Ignored while Disabled counts in the totals alone", 180],
  ["R3.3 Interrupted while Disabled counts in the totals alone", 80],
  ["R3.3 Success while Disabled counts in the totals alone", 330],
  ["R3.3 disable on Closed", 310],
  ["R3.3 disable on HalfOpen", 65],
  ["R3.3 disable on Isolated", 320],
  ["R3.3 disable on Open", 55],
  ["R3.3 disable on Recovering", 6],
  ["R3.3 enable of a circuit that was dropped", 8],
  ["R3.3 enable of a nested disable keeps it so", 20],
  ["R3.3 enable while Isolated", 15],
  ["R3.3 isolate on Closed", 760],
  ["R3.3 isolate on Disabled", 130],
  ["R3.3 isolate on HalfOpen", 100],
  ["R3.3 isolate on Open", 70],
  ["R3.3 isolate on Recovering", 15],
  ["R3.3 nested disable", 85],
  ["R3.3 nested isolate", 90],
  ["R3.3 release after a reset does nothing", 30],
  ["R3.3 release after a reset leaves a newer isolation alone", 30],
  ["R3.3 release of a nested isolation keeps it Isolated", 10],
  ["R3.3 reset on Closed", 320],
  ["R3.3 reset on Disabled", 45],
  ["R3.3 reset on HalfOpen", 60],
  ["R3.3 reset on Isolated", 300],
  ["R3.3 reset on Isolated leaves it Disabled", 160],
  ["R3.3 reset on Open", 40],
  ["R3.3 reset on Recovering", 9],
  ["R3.3 the last enable closes", 160],
  ["R3.3 the last release closes", 160],
  ["R3.3 the last release leaves it Disabled", 190],
  ["R3.3 trip on Closed", 330],
  ["R3.3 trip on Disabled does nothing", 60],
  ["R3.3 trip on HalfOpen", 60],
  ["R3.3 trip on Isolated does nothing", 50],
  ["R3.3 trip on Open", 50],
  ["R3.3 trip on Recovering", 8],
  ["capacity drops a circuit that is not Closed, loudly", 120],
  ["capacity drops the least recently used Closed circuit", 150],
  ["idleTimeToLive drops an idle Closed circuit", 120],
  ["observe: a would-be rejection runs", 530],
  ["observe: the outcome of a would-be rejection counts nowhere", 500]
]

/** The cases that the end of a call covers, by its classifier. */
export const touchedBy = (
  ending: Ending,
  verdict: Verdict,
  classifier: Classifier,
  state: Held
): ReadonlyArray<string> => {
  const isOwners = classifier === "its owner"
  const touched = [ended(ending._tag, isOwners ? "owner" : classifier)]
  if (ending._tag === "Several")
    touched.push(
      isOwners
        ? `R3.1.8 of several outcomes the first counts: ${verdict._tag}`
        : `R3.1.9 of several failures: ${verdict._tag}, by ${classifier}`
    )
  if (ending._tag === "OwnRejection")
    touched.push(`R3.1.6 a rejection is handed on while ${state._tag}: ${verdict._tag}`)
  return touched
}

export class Coverage {
  private readonly counts = new Map<string, number>()

  readonly note = (requirement: string): void => {
    this.counts.set(requirement, this.count(requirement) + 1)
  }

  count(requirement: string): number {
    return this.counts.get(requirement) ?? 0
  }

  /** The requirements that were touched less often than they have to be, with `share` of the usual histories. */
  missing(share: number): ReadonlyArray<string> {
    return requirements
      .filter(([requirement, atLeast]) => this.count(requirement) < Math.floor(atLeast * share))
      .map(([requirement, atLeast]) => `${requirement}: ${this.count(requirement)} of ${atLeast}`)
  }

  /** Everything noted, for whoever adjusts the table. */
  report(): string {
    return [...this.counts.entries()]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([requirement, count]) => `${String(count).padStart(8)}  ${requirement}`)
      .join("\n")
  }
}
