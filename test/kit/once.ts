/** Runs the function at the first call and returns the same result to all: the tests of a file may run in any order. */
export const once = <A>(run: () => A): (() => A) => {
  let result: { readonly value: A } | undefined
  return () => (result ??= { value: run() }).value
}
