/**
 * Is loaded before a program, and makes its output look like a terminal with colours: the program then draws for one
 * although its output goes to a pipe.
 */
import { columns, rows } from "./Terminal.ts"

Object.assign(process.stdout, { isTTY: true, columns, rows, hasColors: () => true })
