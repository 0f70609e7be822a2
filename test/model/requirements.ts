import type { Classifier, Ending } from "./Ending.ts"
import type { Held, Verdict } from "./ModelCircuit.ts"

/** What a run of the model test has to have touched, and how often at least, for its silence to mean anything. */
export const requirements: ReadonlyArray<readonly [requirement: string, atLeast: number]> = [
  ["R3.1 a call ends: BadValue, classified by breaker", 440],
  ["R3.1 a call ends: BadValue, classified by call", 25],
  ["R3.1 a call ends: BadValue, classified by default", 60],
  ["R3.1 a call ends: ClassifyThrows, classified by breaker", 200],
  ["R3.1 a call ends: ClassifyThrows, classified by call", 7],
  ["R3.1 a call ends: ClassifyThrows, classified by default", 30],
  ["R3.1 a call ends: Defect, classified by breaker", 400],
  ["R3.1 a call ends: Defect, classified by call", 20],
  ["R3.1 a call ends: Defect, classified by default", 70],
  ["R3.1 a call ends: Failure, classified by breaker", 4_300],
  ["R3.1 a call ends: Failure, classified by call", 550],
  ["R3.1 a call ends: Failure, classified by default", 690],
  ["R3.1 a call ends: Hint, classified by breaker", 910],
  ["R3.1 a call ends: Hint, classified by call", 50],
  ["R3.1 a call ends: Hint, classified by default", 150],
  ["R3.1 a call ends: Ignored, classified by breaker", 430],
  ["R3.1 a call ends: Ignored, classified by call", 15],
  ["R3.1 a call ends: Ignored, classified by default", 70],
  ["R3.1 a call ends: Interrupted, classified by breaker", 420],
  ["R3.1 a call ends: Interrupted, classified by call", 30],
  ["R3.1 a call ends: Interrupted, classified by default", 60],
  ["R3.1 a call ends: InterruptsItself, classified by breaker", 220],
  ["R3.1 a call ends: InterruptsItself, classified by call", 10],
  ["R3.1 a call ends: InterruptsItself, classified by default", 25],
  ["R3.1 a call ends: OtherRejection, classified by breaker", 180],
  ["R3.1 a call ends: OtherRejection, classified by call", 15],
  ["R3.1 a call ends: OtherRejection, classified by default", 30],
  ["R3.1 a call ends: OwnRejection, classified by breaker", 170],
  ["R3.1 a call ends: OwnRejection, classified by call", 7],
  ["R3.1 a call ends: OwnRejection, classified by default", 40],
  ["R3.1 a call ends: SameNameRejection, classified by breaker", 200],
  ["R3.1 a call ends: SameNameRejection, classified by call", 10],
  ["R3.1 a call ends: SameNameRejection, classified by default", 30],
  ["R3.1 a call ends: Several, classified by breaker", 790],
  ["R3.1 a call ends: Several, classified by call", 65],
  ["R3.1 a call ends: Several, classified by default", 150],
  ["R3.1 a call ends: Success, classified by breaker", 2_500],
  ["R3.1 a call ends: Success, classified by call", 160],
  ["R3.1 a call ends: Success, classified by default", 400],
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
  ["R3.1.8 a call ends: BadValue, settled by its owner", 70],
  ["R3.1.8 a call ends: ClassifyThrows, settled by its owner", 30],
  ["R3.1.8 a call ends: Defect, settled by its owner", 90],
  ["R3.1.8 a call ends: Failure, settled by its owner", 960],
  ["R3.1.8 a call ends: Hint, settled by its owner", 220],
  ["R3.1.8 a call ends: Ignored, settled by its owner", 110],
  ["R3.1.8 a call ends: Interrupted, settled by its owner", 90],
  ["R3.1.8 a call ends: InterruptsItself, settled by its owner", 50],
  ["R3.1.8 a call ends: OtherRejection, settled by its owner", 40],
  ["R3.1.8 a call ends: OwnRejection, settled by its owner", 50],
  ["R3.1.8 a call ends: SameNameRejection, settled by its owner", 250],
  ["R3.1.8 a call ends: Several, settled by its owner", 140],
  ["R3.1.8 a call ends: Success, settled by its owner", 500],
  ["R3.1.8 of several outcomes the first counts: Failure", 75],
  ["R3.1.8 of several outcomes the first counts: Ignored", 70],
  ["R3.1.9 of several failures: Failure, by breaker", 770],
  ["R3.1.9 of several failures: Failure, by default", 150],
  ["R3.1.9 of several failures: Ignored, by breaker", 10],
  ["R3.1.9 of several failures: Interrupted, by breaker", 2],
  ["R3.1.9 of several failures: Success, by call", 65],
  ["R3.2 Closed to Closed", 320],
  ["R3.2 Closed to Disabled", 310],
  ["R3.2 Closed to Isolated", 760],
  ["R3.2 Closed to Open", 1_900],
  ["R3.2 Disabled to Closed", 200],
  ["R3.2 Disabled to Disabled", 45],
  ["R3.2 Disabled to Isolated", 130],
  ["R3.2 HalfOpen to Closed", 470],
  ["R3.2 HalfOpen to Disabled", 65],
  ["R3.2 HalfOpen to Isolated", 100],
  ["R3.2 HalfOpen to Open", 380],
  ["R3.2 HalfOpen to Recovering", 220],
  ["R3.2 Isolated to Closed", 510],
  ["R3.2 Isolated to Disabled", 360],
  ["R3.2 Open to Closed", 130],
  ["R3.2 Open to Disabled", 55],
  ["R3.2 Open to HalfOpen", 1_300],
  ["R3.2 Open to Isolated", 70],
  ["R3.2 Open to Open", 50],
  ["R3.2 Recovering to Closed", 60],
  ["R3.2 Recovering to Disabled", 6],
  ["R3.2 Recovering to Isolated", 15],
  ["R3.2 Recovering to Open", 30],
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
  ["R3.2.6 an outcome admitted while Recovering lands after the recovery ended", 2],
  ["R3.2.6 an outcome for a circuit that was dropped", 80],
  ["R3.2.6 late Failure while Closed", 40],
  ["R3.2.6 late Failure while Disabled", 45],
  ["R3.2.6 late Failure while HalfOpen", 8],
  ["R3.2.6 late Failure while Isolated", 40],
  ["R3.2.6 late Failure while Open", 170],
  ["R3.2.6 late Failure while Recovering", 3],
  ["R3.2.6 late Ignored while Closed", 3],
  ["R3.2.6 late Ignored while Disabled", 10],
  ["R3.2.6 late Ignored while HalfOpen", 2],
  ["R3.2.6 late Ignored while Isolated", 7],
  ["R3.2.6 late Ignored while Open", 20],
  ["R3.2.6 late Interrupted while Closed", 10],
  ["R3.2.6 late Interrupted while Disabled", 7],
  ["R3.2.6 late Interrupted while HalfOpen", 2],
  ["R3.2.6 late Interrupted while Isolated", 8],
  ["R3.2.6 late Interrupted while Open", 50],
  ["R3.2.6 late Interrupted while Recovering", 3],
  ["R3.2.6 late Success while Closed", 20],
  ["R3.2.6 late Success while Disabled", 20],
  ["R3.2.6 late Success while HalfOpen", 3],
  ["R3.2.6 late Success while Isolated", 15],
  ["R3.2.6 late Success while Open", 90],
  ["R3.2.6 late Success while Recovering", 2],
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

/** What the end of a call touches, by whoever classifies it. */
export const touchedBy = (
  ending: Ending,
  verdict: Verdict,
  classifier: Classifier,
  state: Held
): ReadonlyArray<string> => {
  const isOwners = classifier === "its owner"
  const touched = [
    isOwners
      ? `R3.1.8 a call ends: ${ending._tag}, settled by its owner`
      : `R3.1 a call ends: ${ending._tag}, classified by ${classifier}`
  ]
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
