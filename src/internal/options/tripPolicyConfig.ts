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
  const options = Config.all(
    Object.fromEntries(Object.entries(forms).map(([option, form]) => [option, readOption(option, form)]))
  )
  return andThen(Config.literal(...configured.map(({ config }) => config.type))("TYPE"), (type) => {
    // There is one, because `Config.literal` accepts only the types of these.
    const found = configured.find(({ config }) => config.type === type)!
    return andThen(needed(found.config), () => Config.mapOrFail(options, (read) => policyOf(found, read)))
  })
}

/**
 * Reads a configuration that depends on the value of another, for which `Config` has no function. It relies on the two
 * halves of a pair being read from left to right. If the first one fails, nothing else is read.
 */
const andThen = <A, B>(first: Config.Config<A>, next: (value: A) => Config.Config<B>): Config.Config<B> =>
  Config.suspend(() => {
    let second: Config.Config<B | undefined> = Config.succeed(undefined)
    const firstRead = Config.map(first, (value) => {
      second = next(value)
    })
    return Config.zipWith(
      firstRead,
      Config.suspend(() => second),
      // Both halves have succeeded, so the second one is that of `next`.
      (_, value) => value as B
    )
  })

/**
 * Fails if a required option is missing. The provider of the configuration makes the error, because only it knows the
 * full name of the option.
 */
const needed = ({ needs }: ConfigForm): Config.Config<unknown> =>
  Config.all(
    needs.map((alternatives) =>
      alternatives
        .map((option): Config.Config<unknown> => Config.string(keyOf(option)))
        .reduce((one, other) => Config.orElse(one, () => other))
    )
  )

const policyOf = (
  { kind, tag }: Configured,
  options: Readonly<Record<string, unknown>>
): Either.Either<Read, ConfigError.ConfigError> => {
  const policy = { _tag: tag, [kindKey]: kind, ...given("TripPolicy.config", options) }
  return Either.try({
    try: () => {
      decodePolicy("TripPolicy.config", policy)
      return policy
    },
    catch: (error) => ConfigError.InvalidData([], (error as RangeError).message)
  })
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
