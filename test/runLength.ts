export * from "./kit/runLength.ts"
