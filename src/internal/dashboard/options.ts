import type * as CircuitDashboard from "../../CircuitDashboard.ts"
import { optionsOf, or, refuseValue } from "../options/checks.ts"
import { isPath } from "../options/path.ts"

/** @internal */
export interface Settings {
  readonly path: `/${string}`
  readonly adminPath: `/${string}`
}

/**
 * Checks the options. Throws a `RangeError` that names the option, the value received and what is allowed.
 *
 * @internal
 */
export const decode = (input: unknown): Settings => {
  const options = optionsOf<CircuitDashboard.Options>("CircuitDashboard", or(input, {}), optionNames)
  return {
    path: decodePath("path", or(options.path, "/dashboard")),
    adminPath: decodePath("adminPath", or(options.adminPath, "/circuits"))
  }
}

const optionNames = Object.keys({
  path: true,
  adminPath: true
} satisfies Record<keyof CircuitDashboard.Options, true>)

const decodePath = (name: string, path: unknown): `/${string}` =>
  isPath(path)
    ? path
    : refuseValue(
        `CircuitDashboard: ${name}`,
        'a path of letters, digits and "-._~", such as "/ops/dashboard"',
        path
      )
