import { refuse } from "../../options/checks.ts"

/**
 * The parts of a URL, those that it has.
 *
 * @internal
 */
export interface Parts {
  readonly tls: boolean
  readonly host: string
  readonly port?: number
  readonly username?: string
  readonly password?: string
  readonly db?: number
  readonly family?: number
}

/**
 * Parses the URL of a server. It is stricter than `ioredis`, which takes every text for the name of a host, and every
 * parameter of a URL for an option that outranks the others. A message about a URL never contains a part of it, because
 * any part may be a secret in the wrong place.
 *
 * @internal
 */
export const parseUrl = (option: string, text: string): Parts => {
  const no = (received: string): never =>
    refuse(option, "redis://[user:password@]host[:port][/database], or rediss:// for TLS", received)
  const url = URL.canParse(text) ? new URL(text) : no("another text")
  if (!/^rediss?:$/.test(url.protocol)) return no("another protocol")
  if (url.hostname === "") return no("no host")
  if (url.hash !== "") return no("a fragment")
  return {
    tls: url.protocol === "rediss:",
    // An address of IPv6 stands in brackets.
    host: url.hostname.replace(/^\[|\]$/g, ""),
    ...(url.port === "" ? {} : { port: Number(url.port) }),
    ...decoded("username", url, no),
    ...decoded("password", url, no),
    ...databaseOf(url, no),
    ...familyOf(url, no)
  }
}

type No = (received: string) => never

const databaseOf = ({ pathname }: URL, no: No): Pick<Parts, "db"> => {
  if (pathname === "" || pathname === "/") return {}
  return /^\/\d{1,9}$/.test(pathname) ? { db: Number(pathname.slice(1)) } : no("a database that is no number")
}

const decoded = (part: "username" | "password", url: URL, no: No): Pick<Parts, typeof part> => {
  if (url[part] === "") return {}
  try {
    return { [part]: decodeURIComponent(url[part]) }
  } catch {
    return no(`a ${part} that is not percent-encoded`)
  }
}

/** Some hosters' URLs say by which family of addresses their servers are to be found: 4, 6, or 0 for both. */
const familyOf = ({ searchParams }: URL, no: No): Pick<Parts, "family"> => {
  const names = Array.from(searchParams.keys())
  if (names.length === 0) return {}
  const family = searchParams.get("family") ?? ""
  return names.length === 1 && /^[046]$/.test(family)
    ? { family: Number(family) }
    : no("other parameters than family")
}
