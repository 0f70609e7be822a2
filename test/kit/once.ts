/** Runs it when it is first asked for, and gives everybody that same result: the tests of a file may come in any order. */
export const once = <A>(run: () => A): (() => A) => {
  let result: { readonly value: A } | undefined
  return () => (result ??= { value: run() }).value
}
