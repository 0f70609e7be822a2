export * from "./kit/compiled.ts"
