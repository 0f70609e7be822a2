/**
 * Names and keys that a store could confuse with its own syntax, or corrupt: separators, patterns, Unicode, and the
 * empty text.
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
  // Lone surrogates, which are valid in JavaScript strings but not in UTF-8.
  "\ud800",
  "a\udc00\udbffb",
  "__proto__",
  "x".repeat(10_000)
]
