/**
 * A request in a line for the log, such as `GET https://host/path`, and what became of it.
 *
 * @internal
 */
export const requestLine = (method: string, location: string, ending: string): string =>
  [method, location, ending].filter((part) => part !== "").join(" ")

/**
 * Where a URL points to, without what may be secret: its user, query and fragment. Nothing of what is neither an absolute
 * URL nor a path.
 *
 * @internal
 */
export const locationOf = (url: string): string => {
  if (URL.canParse(url)) {
    const { host, pathname, protocol } = new URL(url)
    // A URL without a host, as `data:` is one, may be all secret.
    return host === "" ? protocol : `${protocol}//${host}${pathname}`
  }
  return pathOf(url)
}

/**
 * The path of a URL, which may be all that there is of it.
 *
 * @internal
 */
export const pathOf = (url: string): string =>
  URL.canParse(url) ? new URL(url).pathname : (/^\/(?!\/)[^?#\s]*/.exec(url)?.[0] ?? "")

/**
 * Whether a URL shows what {@link locationOf} leaves out.
 *
 * @internal
 */
export const showsMore = (url: string): boolean => /[?#]|^[^/]*\/\/[^/]*@/.test(url)
