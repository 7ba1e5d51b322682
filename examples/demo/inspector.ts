import { hash } from 'node:crypto'
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'

/** A row of the table `sessions`, column by column, as it is stored. */
export type StoredRow = Record<string, SQLOutputValue>

/** What the two ends hold of one session. */
export interface Inspection {
  /** What the browser sent: the cookie's value, taken apart. */
  readonly cookie: { readonly id: string; readonly secret: string } | null
  readonly row: StoredRow | null
  readonly now: number
}

export interface Inspector {
  readonly cookieName: string
  inspect(cookieHeader: string | undefined): Inspection
  close(): void
}

/**
 * Looks at the browser's cookie and at the database, past the library, so that looking is no visit:
 * it moves no deadline. No real app does this, and none should show a secret on a page.
 */
export function openInspector(databaseFile: string, cookieName: string): Inspector {
  const database = new DatabaseSync(databaseFile, { readOnly: true })
  // An id is public: only who also has the secret may see the row.
  const select = database.prepare('SELECT * FROM sessions WHERE id = ? AND secret_hash = ?')
  const token = new RegExp(`(?:^|;\\s*)${cookieName}=([0-9a-f-]{36})\\.([\\w-]{43})(?:;|$)`)
  return {
    cookieName,
    inspect(cookieHeader = '') {
      const [, id, secret] = token.exec(cookieHeader) ?? []
      const now = Date.now()
      if (id === undefined || secret === undefined) return { cookie: null, row: null, now }
      const secretHash = `sha256:${hash('sha256', secret, 'base64url')}`
      return { cookie: { id, secret }, row: select.get(id, secretHash) ?? null, now }
    },
    close: () => database.close(),
  }
}
