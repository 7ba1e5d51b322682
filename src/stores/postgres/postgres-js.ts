import type { PostgresJsSql, PostgresJsTransaction } from './postgres-client.ts'
import type {
  PostgresConnection,
  PostgresConnections,
  PostgresQueries,
  PostgresRow,
} from './postgres-connections.ts'
import { withoutData } from './postgres-errors.ts'

/**
 * postgres.js spreads queries over its connections by itself and lets nobody close one of them: a
 * connection that hangs is given up by its own settings.
 */
export function postgresJsConnections(sql: PostgresJsSql): PostgresConnections {
  const connection: PostgresConnection = {
    ...queriesOf(sql),
    async transaction<T>(opening: string, work: (queries: PostgresQueries) => Promise<T>) {
      const result = await sql.begin(async (transaction) => {
        await transaction.unsafe(opening)
        // Boxed, because begin() awaits each element of an array.
        return { value: await work(queriesOf(transaction)) }
      })
      return (result as { value: T }).value
    },
    release() {},
  }
  return {
    losesByteOrderMarks: false,
    connect: async () => connection,
  }
}

function queriesOf(sql: PostgresJsTransaction): PostgresQueries {
  return {
    async query({ name, sql: text }, parameters) {
      const query = sql.unsafe(text, parameters, { prepare: name !== null })
      const rows = await withoutData(query.values())
      return (rows as unknown[][]).map(toRow)
    },
    async execute(text) {
      await withoutData(sql.unsafe(text))
    },
  }
}

/** An app can choose how its postgres.js shows each type. */
function toRow(values: unknown[]): PostgresRow {
  return values.map((value) => {
    if (value === null || value === undefined) return null
    if (typeof value === 'boolean') return value ? 't' : 'f'
    if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`
    return String(value)
  })
}
