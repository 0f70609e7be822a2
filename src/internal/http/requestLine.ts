/**
 * A log line for a request and its ending, such as `GET https://host/path answered 503`.
 *
 * @internal
 */
export const requestLine = (method: string, location: string, ending: string): string =>
  [method, location, ending].filter((part) => part !== "").join(" ")

/**
 * A URL without the parts that may be secret: its user, query and fragment. A text that is neither an absolute URL nor
 * a path becomes empty.
 *
 * @internal
 */
export const locationOf = (url: string): string => {
  if (URL.canParse(url)) {
    const { host, pathname, protocol } = new URL(url)
    // A URL without a host, such as a `data:` URL, may be a secret as a whole.
    return host === "" ? protocol : `${protocol}//${host}${pathname}`
  }
  return pathOf(url)
}

/**
 * The path of a URL, or of a text that is only a path.
 *
 * @internal
 */
export const pathOf = (url: string): string =>
  URL.canParse(url) ? new URL(url).pathname : (/^\/(?!\/)[^?#\s]*/.exec(url)?.[0] ?? "")

/**
 * Whether a URL has a part that {@link locationOf} leaves out.
 *
 * @internal
 */
export const hasSecretParts = (url: string): boolean => /[?#]|^[^/]*\/\/[^/]*@/.test(url)
