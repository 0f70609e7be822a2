/**
 * Tests for a path at which an endpoint can be reached. Clients remove the segments `.` and `..` before they send a
 * request.
 *
 * @internal
 */
export const isPath = (path: unknown): path is `/${string}` =>
  typeof path === "string" && /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+$/.test(path)
