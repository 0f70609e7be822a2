/**
 * The same text without indentation, empty lines and lines that are comments. None of the page's texts has a literal
 * of several lines.
 *
 * @internal
 */
export const smaller = (text: string): string =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("//"))
    .join("\n")
