/** @internal */
export const dayMillis = 86_400_000

/**
 * The longest time that a hint or an entry of a store may last.
 *
 * @internal
 */
export const yearMillis = 365 * dayMillis
