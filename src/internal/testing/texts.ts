/**
 * Names and keys that a store could confuse with its own syntax, or corrupt: separators, patterns, Unicode, no text at
 * all.
 *
 * @internal
 */
export const texts: ReadonlyArray<string> = [
  "",
  " ",
  "a b",
  "0",
  ":",
  "::",
  "{",
  "}",
  "{}",
  "a{b}c",
  "}{",
  "https://example.com:8080/path?query=1&other#fragment",
  "*?[a-z]",
  "\\ \" ' ` $ %",
  "line one\nline two\r\n\ttab",
  "\u0000",
  "Grüße, ключ, 鍵, مفتاح",
  "🔌🪫",
  // Halves of surrogate pairs: text to JavaScript, and to hardly anything else.
  "\ud800",
  "a\udc00\udbffb",
  "__proto__",
  "x".repeat(10_000)
]
