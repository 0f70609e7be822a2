/**
 * Whether two secrets are equal. The time that this takes depends only on the length of `given`, which the sender
 * knows. It reveals neither where the two differ nor the length of `expected`.
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
