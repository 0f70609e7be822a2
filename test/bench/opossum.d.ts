declare module "opossum" {
  interface Options {
    /** The longest time of a call, in milliseconds. `false` sets no timer. */
    readonly timeout?: number | false
    /** The time for which the circuit stays open, in milliseconds. */
    readonly resetTimeout?: number
  }

  export default class CircuitBreaker<A> {
    constructor(action: () => Promise<A>, options?: Options)
    fire(): Promise<A>
    open(): void
    shutdown(): void
  }
}
