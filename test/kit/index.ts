/** The code that the tests of all folders share. */
export * from "./breakers.ts"
export * from "./calls.ts"
export * from "./ManualClock.ts"
export * from "./observers.ts"
