/** @internal */
export const dayMillis = 86_400_000

/**
 * What is told of the time lasts no longer: a hint, or what a store keeps.
 *
 * @internal
 */
export const yearMillis = 365 * dayMillis
