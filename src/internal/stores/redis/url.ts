import { refuse } from "../../options/checks.ts"

/**
 * The parts of a URL. Parts that the URL does not have are left out.
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
 * Parses the URL of a server. It is stricter than `ioredis`, which takes any text for the name of a host, and any
 * parameter of a URL for an option that overrides the others. Error messages contain no part of the URL, because a
 * misplaced part may be a secret.
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
    // An IPv6 address is in brackets.
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

/** The IP family (4, 6, or 0 for both), a parameter that the URLs of some hosting providers have. */
const familyOf = ({ searchParams }: URL, no: No): Pick<Parts, "family"> => {
  const names = Array.from(searchParams.keys())
  if (names.length === 0) return {}
  const family = searchParams.get("family") ?? ""
  return names.length === 1 && /^[046]$/.test(family)
    ? { family: Number(family) }
    : no("other parameters than family")
}
