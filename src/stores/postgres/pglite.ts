import type { PgliteDatabase, PgliteTransaction } from './postgres-client.ts'
import type {
  PostgresConnection,
  PostgresConnections,
  PostgresQueries,
  PostgresRow,
} from './postgres-connections.ts'
import { withoutData } from './postgres-errors.ts'

const asText = (value: string) => value
// bool, bytea, int8, text, uuid
const AS_TEXT = { 16: asText, 17: asText, 20: asText, 25: asText, 2950: asText }

/** PGlite has one connection, and lets its users take turns. */
export function pgliteConnections(database: PgliteDatabase): PostgresConnections {
  const connection: PostgresConnection = {
    ...queriesOf(database),
    transaction: (opening, work) =>
      database.transaction(async (transaction) => {
        await transaction.exec(opening)
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
    async query({ sql }, parameters) {
      const options = { rowMode: 'array', parsers: AS_TEXT } as const
      const { rows } = await withoutData(database.query(sql, parameters, options))
      return rows as PostgresRow[]
    },
    async execute(sql) {
      await withoutData(database.exec(sql))
    },
  }
}
