import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as Schema from "effect/Schema"

export class InvalidRequest extends Schema.TaggedError<InvalidRequest>()(
  "InvalidRequest",
  { message: Schema.String },
  HttpApiSchema.annotations({ status: 400, description: "The request is invalid." })
) {}

export class Unauthorized extends Schema.TaggedError<Unauthorized>()(
  "Unauthorized",
  { message: Schema.String },
  HttpApiSchema.annotations({ status: 401, description: "The bearer token is missing or wrong." })
) {}

export class Forbidden extends Schema.TaggedError<Forbidden>()(
  "Forbidden",
  { message: Schema.String },
  HttpApiSchema.annotations({ status: 403, description: "The request is not allowed." })
) {}

export class NotFound extends Schema.TaggedError<NotFound>()(
  "NotFound",
  { message: Schema.String },
  HttpApiSchema.annotations({
    status: 404,
    description: "There is no such breaker, circuit or override."
  })
) {}

export class RequestTooLarge extends Schema.TaggedError<RequestTooLarge>()(
  "RequestTooLarge",
  { message: Schema.String },
  HttpApiSchema.annotations({ status: 413, description: "The body is larger than allowed." })
) {}

export class TooMany extends Schema.TaggedError<TooMany>()(
  "TooMany",
  { message: Schema.String },
  HttpApiSchema.annotations({
    status: 429,
    description: "The largest number of streams or overrides is reached."
  })
) {}
