/**
 * Loads the code of shared circuits before the tests of a file. A program loads it with its first store; here, no test is
 * the first one and waits for it.
 */
import { load } from "../src/internal/stores/coordination.ts"

await load()
