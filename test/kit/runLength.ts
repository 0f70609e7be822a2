/**
 * The length of this run: long tests have a quick form for `npm test`, and run in full with `npm run test:long`.
 */
export const isLongRun: boolean = process.env["RUN_LENGTH"] === "long"

export const inLongRun = <A, B>(long: A, otherwise: B): A | B => (isLongRun ? long : otherwise)
