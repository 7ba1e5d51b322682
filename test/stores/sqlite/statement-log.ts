import type { SqliteClient } from '../../../src/sqlite.ts'

/** What a client is told to do, in order. */
export interface StatementLog {
  /** The first word of each statement: `BEGIN`, `UPDATE`, `COMMIT`. */
  words: string[]
  /** Called before each statement; what it throws, the client throws in place of running it. */
  before?: ((word: string) => void) | undefined
  /** Called after each statement; what it throws, the client throws although it has run it. */
  after?: ((word: string) => void) | undefined
}

/** Watches an open database. Pass it on to `sqliteStore` after that. */
export function watch(client: SqliteClient): StatementLog {
  const log: StatementLog = { words: [] }
  const { exec, prepare } = client

  client.exec = (sql) => logged(sql, () => exec.call(client, sql))
  client.prepare = (sql) => {
    const statement = prepare.call(client, sql)
    const { get, all, run } = statement
    statement.get = (...given) => logged(sql, () => get.apply(statement, given))
    statement.all = (...given) => logged(sql, () => all.apply(statement, given))
    statement.run = (...given) => logged(sql, () => run.apply(statement, given))
    return statement
  }
  return log

  function logged<T>(sql: string, run: () => T): T {
    const [word = ''] = sql.trim().split(/\s/)
    log.words.push(word)
    log.before?.(word)
    const result = run()
    log.after?.(word)
    return result
  }
}
