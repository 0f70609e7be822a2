import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { ConfigForm, Kind, OfKind, OptionForm } from "../core/policies/kind.ts"
import { kindKey } from "../core/policies/kind.ts"
import { given } from "./checks.ts"
import { decodePolicy } from "./tripPolicy.ts"

interface Configured {
  readonly tag: string
  readonly kind: Kind
  readonly config: ConfigForm
}

interface Read extends OfKind<string> {
  readonly _tag: string
}

/**
 * Reads a policy from configuration: its options, with the tag and the kind that the constructors of `TripPolicy` add.
 *
 * @internal
 */
export const readPolicy = (kinds: Readonly<Record<string, Kind>>): Config.Config<Read> => {
  const configured = Object.entries(kinds).flatMap(([tag, kind]): ReadonlyArray<Configured> =>
    kind.config === undefined ? [] : [{ tag, kind, config: kind.config }]
  )
  const forms = Object.assign({}, ...configured.map(({ kind }) => kind.options)) as Kind["options"]
  return Config.all({
    type: Config.literal(...configured.map(({ config }) => config.type))("TYPE"),
    options: Config.all(
      Object.fromEntries(Object.entries(forms).map(([option, form]) => [option, readOption(option, form)]))
    )
  }).pipe(
    Config.mapOrFail(({ options, type }) =>
      // There is one, because `Config.literal` accepts only the types of these.
      policyOf(
        configured.find(({ config }) => config.type === type)!,
        options
      )
    )
  )
}

const policyOf = (
  { config: { needs, type }, kind, tag }: Configured,
  options: Readonly<Record<string, unknown>>
): Either.Either<Read, ConfigError.ConfigError> => {
  const missing = needs
    .filter((alternatives) => alternatives.every((option) => options[option] === undefined))
    .map((alternatives) => missingData(type, alternatives))
  if (missing.length > 0) return Either.left(missing.reduce(ConfigError.And))
  const policy = { _tag: tag, [kindKey]: kind, ...given("TripPolicy.config", options) }
  return Either.try({
    try: () => {
      decodePolicy("TripPolicy.config", policy)
      return policy
    },
    catch: (error) => ConfigError.InvalidData([], (error as RangeError).message)
  })
}

const missingData = (type: string, options: ReadonlyArray<string>): ConfigError.ConfigError => {
  const names = options.map(keyOf)
  const message = `Expected ${names.join(" or ")} to be given for the type "${type}"`
  return names.map((name) => ConfigError.MissingData([name], message)).reduce(ConfigError.Or)
}

/** The configuration key of an option: `MINIMUM_CALLS` for `minimumCalls`. */
const keyOf = (option: string): string => option.replace(/[A-Z]/g, "_$&").toUpperCase()

const readOption = (option: string, form: OptionForm): Config.Config<unknown> => {
  const key = keyOf(option)
  switch (form) {
    case "integer":
      return optional(Config.integer(key))
    case "number":
      return optional(Config.number(key))
    case "duration":
      return optional(duration(key))
    case null:
      return Config.succeed(undefined)
  }
}

const optional = <A>(self: Config.Config<A>): Config.Config<A | undefined> =>
  Config.withDefault(self, undefined)

// `Config.duration` takes a negative duration for zero, and not every version of Effect reads an infinite one.
const duration = (name: string): Config.Config<Duration.Duration> =>
  Config.mapOrFail(Config.string(name), (text) =>
    Either.fromOption(durationOf(text.trim()), () =>
      ConfigError.InvalidData(
        [],
        `Expected a duration such as "30 seconds", but received ${JSON.stringify(text)}`
      )
    )
  )

const durationOf = (text: string): Option.Option<Duration.Duration> => {
  if (text.startsWith("-")) return Option.none()
  return text === "Infinity" ? Option.some(Duration.infinity) : Duration.decodeUnknown(text)
}
