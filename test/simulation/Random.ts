/** Pseudo-random numbers from a seed. */
export class Random {
  private state: number

  constructor(seed: number) {
    this.state = seed | 0
  }

  /** From 0 to 1, 1 excluded. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    return mixed(this.state)
  }

  /** A whole number from 0 to `count`, which is excluded. */
  below(count: number): number {
    return Math.floor(this.next() * count)
  }

  between(least: number, most: number): number {
    return least + this.below(most - least + 1)
  }

  chance(share: number): boolean {
    return this.next() < share
  }

  pick<A>(of: ReadonlyArray<A>): A {
    return of[this.below(of.length)]!
  }

  /** One of several, with a probability in proportion to its weight. */
  weighted<A>(of: ReadonlyArray<readonly [weight: number, value: A]>): A {
    let sum = 0
    for (const it of of) sum += it[0]
    let left = this.next() * sum
    for (const it of of) {
      left -= it[0]
      if (left < 0) return it[1]
    }
    return of.at(-1)![1]
  }
}

/** A number from 0 to 1 that depends only on the arguments. */
export const drawn = (seed: number, ...of: ReadonlyArray<number>): number => {
  let state = seed | 0
  for (const it of of) state = Math.imul(state ^ (it + 0x9e3779b9), 0x85ebca6b) ^ (state >>> 13)
  return mixed(state)
}

const mixed = (state: number): number => {
  let t = Math.imul(state ^ (state >>> 15), 1 | state)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}
