export * from "./kit/once.ts"
