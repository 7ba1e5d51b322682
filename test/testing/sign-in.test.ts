import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSessions } from '../../src/index.ts'
import { memoryStore } from '../../src/memory.ts'
import { signIn } from '../../src/testing.ts'

test('signIn gives the Cookie header of a stored, logged-in session', async () => {
  await using sessions = createSessions<{ cart: string[] }>({ store: memoryStore() })
  const data = { cart: ['tea'] }
  const cookie = await signIn(sessions, { principal: 'ada', data, permanent: true })
  const session = await sessions.open({ cookie })
  assert.equal(session.principal, 'ada')
  assert.deepEqual(session.get('cart'), ['tea'])
  assert.equal(session.permanent, true)
  assert.equal((await sessions.list('ada')).length, 1)
})

test('signIn refuses to pretend: an empty session has no cookie', async () => {
  await using sessions = createSessions({ store: memoryStore() })
  await assert.rejects(() => signIn(sessions, {}), TypeError)
})
