/**
 * Removes indentation, empty lines and comment lines. This is safe because no literal in the script or the style has
 * several lines.
 *
 * @internal
 */
export const smaller = (text: string): string =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("//"))
    .join("\n")
