/**
 * A breaker round the queries of `@effect/sql`, on SQLite in a file. While a migration has the database locked, queries
 * fail; after three failures they are not sent any more. A row that breaks a constraint is the caller's fault: it is
 * Ignored, however often it comes.
 *
 *     npx tsx examples/sql.ts
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as SqlClient from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import * as LibsqlClient from "@effect/sql-libsql/LibsqlClient"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Predicate from "effect/Predicate"
import { CircuitBreaker, Outcome, TripPolicy } from "effect-circuit-breaker"

const codeOf = (error: unknown): string =>
  error instanceof SqlError && Predicate.hasProperty(error.cause, "code") ? String(error.cause.code) : ""

class Database extends CircuitBreaker.Service<Database>()("Database", {
  tripPolicy: TripPolicy.consecutive(3),
  openDuration: "500 millis",
  classify: Outcome.ignoreWhen((error) => codeOf(error).startsWith("SQLITE_CONSTRAINT"))
}) {}

const program = Effect.gen(function* () {
  const folder = yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())
  const sql = yield* open(folder)
  yield* sql`CREATE TABLE orders (id INTEGER PRIMARY KEY)`

  // A query is one call, and so is a transaction: `sql.withTransaction(...).pipe(Database.protect)`.
  const addOrder = (id: number) =>
    sql`INSERT INTO orders ${sql.insert({ id })}`.pipe(
      Database.protect,
      Effect.as("added"),
      Effect.catchTags({
        SqlError: (error) => Effect.succeed(`failed with ${codeOf(error)}`),
        CircuitOpenError: ({ state }) => Effect.succeed(`not sent, the circuit is ${state}`)
      }),
      Effect.flatMap((result) => Console.log(`order ${id}  ${result}`))
    )

  yield* addOrder(1)
  for (let i = 0; i < 4; i++) yield* addOrder(1)

  yield* Console.log("a migration begins")
  const migration = yield* startMigration(yield* open(folder))
  for (let id = 2; id <= 6; id++) yield* addOrder(id)

  yield* migration.finish
  yield* Console.log("the migration has ended")
  yield* Database.awaitReady()
  yield* addOrder(2)

  const { totals } = yield* Database.snapshot()
  yield* Console.log(
    `${totals.succeeded} succeeded, ${totals.failed} failed, ${totals.ignored} ignored, ${totals.rejected} rejected`
  )
})

const open = (folder: string) =>
  Effect.map(Layer.build(LibsqlClient.layer({ url: `file:${folder}/shop.db` })), (context) =>
    Context.get(context, SqlClient.SqlClient)
  )

/** Locks the database, from a connection of its own, until it is told to finish. */
const startMigration = Effect.fnUntraced(function* (sql: SqlClient.SqlClient) {
  const [begun, finish] = yield* Effect.all([Deferred.make<void>(), Deferred.make<void>()])
  const migration = yield* Deferred.succeed(begun, undefined).pipe(
    Effect.zipRight(Deferred.await(finish)),
    sql.withTransaction,
    Effect.fork
  )
  yield* Deferred.await(begun)
  return { finish: Effect.zipRight(Deferred.succeed(finish, undefined), Fiber.join(migration)) }
})

program.pipe(
  Effect.scoped,
  Effect.provide([Database.layer, NodeFileSystem.layer]),
  // The breaker logs each transition; here the lines above tell of them.
  Logger.withMinimumLogLevel(LogLevel.None),
  NodeRuntime.runMain
)
