/**
 * Whether two secrets are the same. How long that takes depends on the length of `given` alone, which the sender knows:
 * neither on where the two differ, nor on how long the expected one is.
 *
 * @internal
 */
export const isSameSecret = (given: ArrayLike<number>, expected: ArrayLike<number>): boolean => {
  let difference = given.length ^ expected.length
  for (let i = 0; i < given.length; i++) {
    difference |= (given[i] ?? 0) ^ (expected[i % expected.length] ?? 0)
  }
  return difference === 0
}
