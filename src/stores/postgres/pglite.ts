import type { PgliteDatabase, PgliteTransaction } from './postgres-client.ts'
import type {
  PostgresConnection,
  PostgresConnections,
  PostgresQueries,
  PostgresRow,
} from './postgres-connections.ts'

const asText = (value: string) => value
// bool, bytea, int8, text, uuid
const AS_TEXT = { 16: asText, 17: asText, 20: asText, 25: asText, 2950: asText }

/** PGlite has one connection, and lets its users take turns. */
export function pgliteConnections(database: PgliteDatabase): PostgresConnections {
  const connection: PostgresConnection = {
    ...queriesOf(database),
    transaction: (opening, work) =>
      database.transaction(async (transaction) => {
        await withoutParameters(() => transaction.exec(opening))
        return work(queriesOf(transaction))
      }),
    release() {},
  }
  return {
    losesByteOrderMarks: true,
    async connect() {
      await database.waitReady
      return connection
    },
  }
}

function queriesOf(database: PgliteTransaction): PostgresQueries {
  return {
    query: ({ sql }, parameters) =>
      withoutParameters(async () => {
        const options = { rowMode: 'array', parsers: AS_TEXT } as const
        const { rows } = await database.query(sql, parameters, options)
        return rows as PostgresRow[]
      }),
    execute: (sql) => withoutParameters(async () => void (await database.exec(sql))),
  }
}

/** PGlite puts the parameters into its errors: session data, which would end in a log. */
async function withoutParameters<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof Error && 'params' in error) error.params = []
    throw error
  }
}
