import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { createSessions } from '../../../src/index.ts'
import { sqliteStore } from '../../../src/sqlite.ts'
import { signIn } from '../../../src/testing.ts'

describe('a row that somebody has edited', () => {
  const columns = [
    'version',
    'created_at',
    'last_seen_at',
    'idle_timeout',
    'absolute_expires_at',
    'expires_at',
    'previous_secret_until',
  ]
  for (const column of columns) {
    for (const value of ['9223372036854775807', '9007199254740992', '-9223372036854775808']) {
      test(`to have ${value} as ${column} is an anonymous visitor, and harms nobody else`, async () => {
        const database = new DatabaseSync(':memory:')
        await using sessions = createSessions<{ n: number }>({
          store: sqliteStore(database),
          onEvent() {},
        })
        const edited = await signIn(sessions, { principal: 'ada', data: { n: 1 } })
        const sound = await signIn(sessions, { principal: 'ada', data: { n: 2 } })
        const id = (await sessions.open({ cookie: edited })).id as string
        database.exec(`UPDATE sessions SET ${column} = ${value} WHERE id = '${id}'`)

        const session = await sessions.open({ cookie: edited })
        assert.equal(session.principal, null)
        assert.deepEqual((await sessions.save(session)).headers.at(0)?.[0], 'Vary')
        assert.equal((await sessions.open({ cookie: sound })).get('n'), 2)
        assert.equal((await sessions.list('ada')).length, 1)
        assert.equal(await sessions.count(), 1)
        await sessions.sweep()
        assert.equal(
          await sessions.revokeAll('ada'),
          column === 'expires_at' && value < '0' ? 1 : 2,
        )
      })
    }
  }
})
