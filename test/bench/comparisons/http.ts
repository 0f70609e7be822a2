import type { Comparison } from "../comparison.ts"

/** Throughput is the reverse of the time a request takes of it: 0.95 of bare is 1/0.95 of its time. */
export const httpComparisons: ReadonlyArray<Comparison> = [
  {
    label: "HTTP client, time a request",
    unit: "ns",
    measured: { case: "http-client/request", field: "guarded" },
    reference: { label: "bare client", case: "http-client/request", field: "bare" },
    target: { ratio: 1 / 0.95 }
  },
  {
    label: "HTTP server, time a request",
    unit: "ns",
    measured: { case: "http-server/request", field: "guarded" },
    reference: { label: "bare server", case: "http-server/request", field: "bare" },
    target: { ratio: 1 / 0.95 }
  },
  {
    label: "HTTP server, time a request that the open circuit sheds",
    unit: "ns",
    measured: { case: "http-server/request", field: "shed" },
    reference: { label: "its handler, which waits 10 ms", case: "http-server/request", field: "patient" },
    target: { ratio: 1 / 3 }
  }
]
