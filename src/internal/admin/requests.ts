import * as Schema from "effect/Schema"
import { StateTag } from "./schemas.ts"

/** The limits of requests. Texts are measured in characters. */
export const limits = {
  urlLength: 4_096,
  bodyBytes: 16_384,
  text: 256,
  reason: 500,
  name: 4_096,
  page: 200,
  defaultPage: 50
}

const NonEmpty = Schema.String.pipe(Schema.minLength(1))
const Name = NonEmpty.pipe(Schema.maxLength(limits.name))
// The empty string is a valid key, and a request without a key means the default circuit.
const Key = Schema.String.pipe(Schema.maxLength(limits.name))

const Offset = Schema.NumberFromString.pipe(Schema.int(), Schema.between(0, 10_000_000))
const Limit = Schema.NumberFromString.pipe(Schema.int(), Schema.between(1, limits.page))

export const CircuitsQuery = Schema.Struct({
  breaker: Schema.optional(Name),
  state: Schema.optional(Schema.Array(StateTag)),
  text: Schema.optional(Schema.String.pipe(Schema.maxLength(limits.text))),
  offset: Schema.optional(Offset),
  limit: Schema.optional(Limit)
})

export const CircuitQuery = Schema.Struct({
  breaker: Name,
  key: Schema.optional(Key)
})

// A text of spaces alone says neither who nor why.
const Said = Schema.String.pipe(Schema.pattern(/\S/, { message: () => "must not be blank" }))

const ownerAndReason = {
  reason: Said.pipe(Schema.maxLength(limits.reason)),
  // Not needed if the program's `authorize` returns the name.
  owner: Schema.optional(Said.pipe(Schema.maxLength(limits.text)))
}

const target = { breaker: Name, key: Schema.optional(Key), ...ownerAndReason }

export const ChangeRequest = Schema.Struct(target).annotations({ identifier: "CircuitAdminChange" })

export const OverrideRequest = Schema.Struct({
  ...target,
  expiresInSeconds: Schema.Number.pipe(Schema.int(), Schema.positive())
}).annotations({ identifier: "CircuitAdminOverrideRequest" })

export const ReleaseRequest = Schema.Struct({
  id: NonEmpty.pipe(Schema.maxLength(64)),
  ...ownerAndReason
}).annotations({
  identifier: "CircuitAdminRelease"
})
