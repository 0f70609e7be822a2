declare module "opossum" {
  interface Options {
    /** How long a call may take, in milliseconds. `false` sets no timer. */
    readonly timeout?: number | false
    /** How long the circuit stays open, in milliseconds. */
    readonly resetTimeout?: number
  }

  export default class CircuitBreaker<A> {
    constructor(action: () => Promise<A>, options?: Options)
    fire(): Promise<A>
    open(): void
    shutdown(): void
  }
}
