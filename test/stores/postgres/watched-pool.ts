import pg from 'pg'
import { recordColumns } from '../../../src/stores/postgres/postgres-values.ts'
import { sessionStatements } from '../../../src/stores/postgres/session-statements.ts'
import { newPool } from './postgres-databases.ts'

export interface SentStatement {
  /** The verb of `sessionStatements` that it is, or its first word: `BEGIN`, `COMMIT`. */
  readonly verb: string
  readonly sql: string
  readonly name: string | undefined
  readonly parameters: readonly unknown[]
}

/** A pool that keeps a list of everything that is sent through it. */
export interface WatchedPool {
  readonly pool: pg.Pool
  readonly sent: SentStatement[]
  /** The verbs of what was sent since the last call, in order. */
  take(): string[]
}

export function watchedPool(url: string, config: pg.PoolConfig = {}): WatchedPool {
  const sent: SentStatement[] = []
  class WatchedClient extends pg.Client {
    // biome-ignore lint/suspicious/noExplicitAny: one signature for all overloads of the method
    override query(...given: any[]): any {
      const [query] = given
      if (typeof query?.text === 'string') {
        const { text: sql, name, values: parameters = [] } = query
        sent.push({ verb: verbOf(sql), sql, name, parameters })
      }
      return Reflect.apply(super.query, this, given)
    }
  }
  const pool = newPool(url, { ...config, Client: WatchedClient } as pg.PoolConfig)
  return {
    pool,
    sent,
    take: () => sent.splice(0).map(({ verb }) => verb),
  }
}

const { columns: _, ...statements } = sessionStatements({
  table: 'sessions',
  columns: recordColumns(false),
  prepared: true,
  sweepLock: 0n,
})

const verbs = new Map(
  Object.entries(statements).flatMap(([verb, statement]): [string, string][] =>
    'sql' in statement
      ? [[withoutKeys(statement.sql), verb]]
      : [
          [statement.one.sql, verb],
          [statement.many.sql, `${verb} many`],
        ],
  ),
)

function verbOf(sql: string): string {
  return verbs.get(withoutKeys(sql)) ?? sql.trim().split(/[\s;]/)[0] ?? ''
}

/** The key of an advisory lock depends on the table. */
function withoutKeys(sql: string): string {
  return sql.replace(/lock\(-?\d+\)/, 'lock(…)')
}
