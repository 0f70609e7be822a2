import type { Comparison } from "../comparison.ts"

const unread = (responses: string) => ({
  label: `HTTP client, ${responses} responses in one turn that nobody reads, each beyond bare`,
  unit: "ns" as const,
  measured: { case: `http-client/unread-${responses.replace(",", "")}`, field: "overhead" },
  target: { value: 5_000 }
})

export const httpComparisons: ReadonlyArray<Comparison> = [
  {
    label: "HTTP client, time a request",
    unit: "ns",
    measured: { case: "http-client/request", field: "perCall" },
    reference: { label: "bare client", case: "http-client/request", field: "bare" },
    target: { ratio: 1.03 }
  },
  {
    label: "HTTP client without a network, time a request",
    unit: "ns",
    measured: { case: "http-client/stub", field: "overhead" },
    reference: { label: "bare client", case: "http-client/stub", field: "bare" }
  },
  unread("1,000"),
  {
    ...unread("10,000"),
    reference: { label: "of 1,000", case: "http-client/unread-1000", field: "overhead" }
  },
  // throughput is the reverse of the time from one answer to the next: 0.95 of bare is 1/0.95 of its time
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
