import { chromiumPath } from "../browser/chromium.ts"

/** A figure of a case: one field of its samples. */
export interface Figure {
  readonly case: string
  readonly field: string
}

/** A line of the report: a figure, perhaps beside that of another case, and the most that it may be. */
export interface Row {
  readonly label: string
  readonly unit: string
  readonly of: Figure
  readonly beside?: { readonly label: string; readonly of: Figure }
  readonly target?: { readonly ratio: number } | { readonly value: number }
}

interface Options {
  /** The number of times that the processes of the cases are started anew. */
  readonly sessions: number
  /** In each session. */
  readonly rounds: number
  readonly nodeOptions: ReadonlyArray<string>
  /** Says what is missing on this machine, without which the group is left out. */
  readonly needs: () => string | undefined
}

/** Cases that are measured in turn. */
export interface Group extends Options {
  readonly name: string
  readonly rows: ReadonlyArray<Row>
}

// `file/name field`; without a field, what the guarded call takes beyond the bare one
const figure = (text: string): Figure => {
  const [id = "", field = "overhead"] = text.split(" ")
  return { case: id, field }
}

// `1/18 x` of what is beside it, or a value in the row's unit
const target = (text: string): NonNullable<Row["target"]> => {
  const [dividend = 0, divisor = 1] = text.replace(" x", "").split("/").map(Number)
  return text.endsWith(" x") ? { ratio: dividend / divisor } : { value: dividend }
}

const row = (line: string): Row => {
  const [label = "", unit = "", of = "", beside = "", most = ""] = line.split("|").map((cell) => cell.trim())
  const [besideLabel = "", besideFigure = ""] = beside.split(": ")
  return {
    label,
    unit,
    of: figure(of),
    ...(beside !== "" && { beside: { label: besideLabel, of: figure(besideFigure) } }),
    ...(most !== "" && { target: target(most) })
  }
}

const group =
  (name: string, options: Partial<Options> = {}) =>
  ([table = ""]: TemplateStringsArray): Group => ({
    name,
    sessions: 1,
    rounds: 5,
    nodeOptions: [],
    needs: () => undefined,
    ...options,
    rows: table.trim().split("\n").map(row)
  })

// so that the collector's work counts in the time of the case that causes it
const oneThread = { nodeOptions: ["--single-threaded-gc"] }
// so that nothing is collected between two readings of the heap
const roomy = { nodeOptions: ["--min-semi-space-size=256", "--max-semi-space-size=256"] }

const chromium = () =>
  chromiumPath === undefined
    ? "because there is no Chromium (apt-get install chromium, or set CHROMIUM)"
    : undefined

const groups: ReadonlyArray<Group> = [
  group("calls", { sessions: 2, ...oneThread })`
closed, consecutive, reused                        | ns | calls/reused                      | Effect 4.1: effect4/reused                      | 1/18 x
closed, consecutive, reused                        | ns | calls/reused                      | floor: calls/floorReused                        | 0.7 x
closed, consecutive, built anew                    | ns | calls/anew                        | Effect 4.1: effect4/anew                        | 1/18 x
closed, consecutive, built anew                    | ns | calls/anew                        | floor: calls/floorAnew                          | 0.7 x
the same after all other cases, reused             | ns | afterAllOthers/calls calls/reused | Effect 4.1: afterAllOthers/calls effect4/reused | 1/12 x
the same after all other cases, reused             | ns | afterAllOthers/calls calls/reused | floor: afterAllOthers/calls calls/floorReused   |
the same after all other cases, built anew         | ns | afterAllOthers/calls calls/anew   | Effect 4.1: afterAllOthers/calls effect4/anew   | 1/12 x
the same after all other cases, built anew         | ns | afterAllOthers/calls calls/anew   | floor: afterAllOthers/calls calls/floorAnew     |
closed, through the tag, reused                    | ns | calls/tagReused                   | Effect 4.1: effect4/reused                      | 1/10 x
closed, through the tag, built anew                | ns | calls/tagAnew                     | Effect 4.1: effect4/anew                        | 1/10 x
closed, failureRate over 10 buckets                | ns | calls/buckets                     | consecutive: calls/reused                       | 1.6 x
closed, failureRate over 10,000 calls              | ns | calls/calls10000                  | consecutive: calls/reused                       | 1.1 x
closed, failureRate over 10,000 calls              | ns | calls/calls10000                  | Effect 4.1: effect4/calls10000                  |
closed, failureRate over 100,000 calls             | ns | calls/calls100000                 | consecutive: calls/reused                       | 1.1 x
closed, openDuration as a Schedule                 | ns | calls/schedule                    | a constant: calls/reused                        | 1.1 x
closed, cockatiel                                  | ns | promises/cockatielClosed          |                                                 |
closed, opossum                                    | ns | promises/opossumClosed            |                                                 |
rejection, reused                                  | ns | calls/rejectionReused guarded     | a failure: calls/rejectionReused bare           | 2 x
rejection, built anew                              | ns | calls/rejectionAnew guarded       | a failure: calls/rejectionAnew bare             | 2 x
rejection, reused                                  | ns | calls/rejectionReused guarded     | Effect 4.1: effect4/rejection guarded           | 1/20 x
rejection, built anew                              | ns | calls/rejectionAnew guarded       | Effect 4.1: effect4/rejection guarded           | 1/20 x
rejection, reused                                  | ns | calls/rejectionReused guarded     | cockatiel: promises/cockatielRejection guarded  | 1/4 x
rejection, reused                                  | ns | calls/rejectionReused guarded     | opossum: promises/opossumRejection guarded      | 1/4 x
a change of state whose log line nobody shows      | ns | transitions/byHand guarded        |                                                 | 15000
an opening under a Schedule, the 10,000th in a row | ns | transitions/openings last         | the first: transitions/openings first           | 1.2 x
`,
  group("bytes a call", roomy)`
closed, bytes a call | bytes | calls/bytes guarded | bare: calls/bytes bare    | 1000
closed, bytes a call | bytes | calls/bytes         | Effect 4.1: effect4/bytes |
`,
  group("time by keys", { rounds: 9, ...oneThread })`
a call with 100,000 keys                | ns | keys/time100000 guarded  | 10 keys: keys/time10 guarded | 1.5 x
a call with 1,000,000 keys              | ns | keys/time1000000 guarded | 10 keys: keys/time10 guarded | 1.5 x
bare, and a plain Map of 100,000 keys   | ns | keys/time100000 bare     | 10 keys: keys/time10 bare    |
bare, and a plain Map of 1,000,000 keys | ns | keys/time1000000 bare    | 10 keys: keys/time10 bare    |
`,
  group("bytes by keys")`
100,000 keys, rate over 100 calls            | bytes | keys/rate100000 bytes         | Effect 4.1: effect4/rate100000 bytes         | 320
100,000 keys, consecutive                    | bytes | keys/consecutive100000 bytes  | Effect 4.1: effect4/consecutive100000 bytes  | 175
1,000,000 keys, consecutive                  | bytes | keys/consecutive1000000 bytes | Effect 4.1: effect4/consecutive1000000 bytes | 175
10,000 keys, consecutive, shared and healthy | bytes | keys/shared10000 bytes        |                                              | 600
`,
  // a round is five passes, compared call by call
  group("worst call", { rounds: 1 })`
100,000 keys expire, worst call, in each pass      | ms | keys/expiry100000 inEachPass  | Effect 4.1: effect4/expiry100000 inEachPass  | 1
100,000 keys expire, worst call, with everything   | ms | keys/expiry100000 worst       | Effect 4.1: effect4/expiry100000 worst       |
1,000,000 keys expire, worst call, in each pass    | ms | keys/expiry1000000 inEachPass | Effect 4.1: effect4/expiry1000000 inEachPass | 1
1,000,000 keys expire, worst call, with everything | ms | keys/expiry1000000 worst      | Effect 4.1: effect4/expiry1000000 worst      |
`,
  group("idle breakers")`
10,000 idle breakers, timers                            | count | idle/breakers timers    | opossum: idle/opossum timers    | 0
10,000 idle breakers, fibers                            | count | idle/breakers fibers    |                                 | 0
10,000 idle breakers, CPU in a second, beyond none made | ms    | idle/breakers cpuMore   | opossum: idle/opossum cpuMore   | 1
10,000 idle breakers, bytes each                        | bytes | idle/breakers bytes     | opossum: idle/opossum bytes     |
`,
  group("bundle")`
bundle of a program with CircuitBreaker, compressed, beyond effect                      | bytes | bundle/program compressed |  | 12000
bundle of a program with CircuitBreaker, minified, of the fleet                         | bytes | bundle/program fleet      |  | 0
bundle of a program with CircuitBreaker, minified, of CircuitAdmin and CircuitDashboard | bytes | bundle/program operators  |  | 0
bundle of all of the root, minified, of CircuitAdmin and CircuitDashboard               | bytes | bundle/root operators     |  | 0
bundle of all of the root, compressed, beyond effect                                    | bytes | bundle/root compressed    |  |
`,
  // 0.95 of the throughput is 1/0.95 of the time from one answer to the next
  group("http", { rounds: 7, ...oneThread })`
HTTP client, time a request                                       | ns | http/client guarded   | bare client: http/client bare                | 1.03 x
HTTP client without a network, time a request                     | ns | http/stub             | bare client: http/stub bare                  |
HTTP client, 1,000 responses in one turn that nobody reads, each  | ns | http/unread1000       |                                              | 5000
HTTP client, 10,000 responses in one turn that nobody reads, each | ns | http/unread10000      | of 1,000: http/unread1000                    | 5000
HTTP server, time a request                                       | ns | http/server guarded   | bare server: http/server bare                | 1/0.95 x
HTTP server, time a request that the open circuit rejects         | ns | http/server rejecting | its handler of 10 ms: http/server waiting    | 1/3 x
`,
  group("admin", oneThread)`
a call among 10,000 circuits, five pages open                             | ns | admin/load guarded  | none open: admin/load bare | 1.02 x
five pages open on 10,000 circuits, CPU of the process a second           | ms | admin/pagesOpen cpu |                            | 20
the first page of a list of 10,000 circuits, while calls are made, median | ms | admin/list median   |                            | 20
the first page of a list of 10,000 circuits, while calls are made, p99    | ms | admin/list p99      |                            |
`,
  group("admin page", { rounds: 3, needs: chromium })`
the page with 10,000 circuits, one update a second, longest frame, CPU  | ms | page/frames cpu  |  | 50
the page with 10,000 circuits, one update a second, longest frame, time | ms | page/frames wall |  | 50
`,
  // Each round is the first work of a process.
  group("fleet, just started", { sessions: 5, rounds: 1 })`
1,000 first calls of keys at once, just started, CPU of each      | ns | fleet/firstCallsOfProcess nanos | |
1,000 first calls of keys at once, just started, the longest turn | ms | fleet/firstCallsOfProcess turn  | |
`,
  group("fleet")`
shared, closed                                                      | ns    | fleet/closed           | not shared: calls/reused                  | 1.3 x
shared, closed                                                      | ns    | fleet/closed           | Effect 4.1 on Redis: effect4/redis        |
first call of a key                                                 | ns    | fleet/firstCall nanos  |                                           |
1,000 first calls of keys at once, CPU of each                      | ns    | fleet/firstCalls nanos |                                           | 100000
1,000 first calls of keys at once, the longest turn                 | ms    | fleet/firstCalls turn  |                                           | 20
Redis, an exchange of a circuit that 1,000 processes see failing    | ns    | fleet/exchange nanos   |                                           | 30000
the same, of its answer                                             | bytes | fleet/exchange bytes   |                                           | 300
commands a second, 1,000 calls a second, none fails                 | count | fleet/commands healthy |                                           | 0
commands a second, 100,000 calls a second, one in 100 fails         | count | fleet/commands fast    | 1,000 calls a second: fleet/commands slow | 1.5 x
from a failure that opens to a rejection in another process, median | ms    | fleet/spread median    |                                           |
from a failure that opens to a rejection in another process, p99    | ms    | fleet/spread p99       |                                           | 10
`
]

/** The groups with the rows whose group or label has this text. */
export const only = (text: string): ReadonlyArray<Group> => {
  const found = groups
    .map((group) => ({
      ...group,
      rows: group.rows.filter(({ label }) => `${group.name}: ${label}`.includes(text))
    }))
    .filter(({ rows }) => rows.length > 0)
  if (found.length === 0) throw new RangeError(`no group and no row has "${text}" in its name`)
  return found
}
