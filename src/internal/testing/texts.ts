/**
 * What breakers and keys are called where nobody thinks of the store.
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
  "__proto__",
  "x".repeat(10_000)
]
