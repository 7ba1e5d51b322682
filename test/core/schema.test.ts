import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { z } from 'zod'
import { SessionDataError, SessionOptionsError } from '../../src/core/errors.ts'
import { checkSchema, firstMismatch, type StandardSchema } from '../../src/core/schema.ts'

/** A schema that answers with what it is given. */
function answering(answer: unknown): StandardSchema {
  return {
    '~standard': { version: 1, vendor: 'test', validate: () => answer as { issues?: [] } },
  }
}

function issueAt(...path: unknown[]): StandardSchema {
  return answering({ issues: [{ message: 'it is "hunter2"', path }] })
}

const cart = z.object({
  name: z.string(),
  cart: z.array(z.object({ price: z.number() })).optional(),
})

suite('a schema', () => {
  test('that the data fits says nothing', () => {
    assert.equal(firstMismatch(cart, { name: 'Ada', cart: [{ price: 1 }] }), null)
    assert.equal(firstMismatch(answering({ value: {} }), {}), null)
    assert.equal(firstMismatch(answering({ value: {}, issues: undefined }), {}), null)
    checkSchema(cart, { name: 'Ada' })
    checkSchema(undefined, { name: 1 })
  })

  test('that it does not fit names the first place, spelt as the other errors spell it', () => {
    assert.equal(firstMismatch(cart, {}), 'name')
    assert.equal(firstMismatch(cart, { name: 'Ada', cart: [{ price: 1 }, {}] }), 'cart[1].price')
    assert.equal(firstMismatch(cart, { name: 1, cart: 1 }), 'name')
  })

  test('may give a place in any form of the interface', () => {
    assert.equal(firstMismatch(issueAt('cart', 2, 'price'), {}), 'cart[2].price')
    assert.equal(firstMismatch(issueAt({ key: 'cart' }, { key: 2 }), {}), 'cart[2]')
    assert.equal(firstMismatch(issueAt(Symbol('key')), {}), 'Symbol(key)')
    assert.equal(firstMismatch(issueAt(), {}), '(data)')
    assert.equal(firstMismatch(answering({ issues: [{ message: 'x' }] }), {}), '(data)')
  })

  test('that refuses makes an error without the value and without the words of the schema', () => {
    assert.throws(
      () => checkSchema(issueAt('password'), { password: 'hunter2' }),
      (error) => {
        assert.ok(error instanceof SessionDataError)
        assert.equal(error.code, 'ERR_SESSION_DATA_SCHEMA')
        assert.equal(error.path, 'password')
        assert.match(error.message, /does not fit the schema at password; nothing was stored/)
        assert.ok(!error.message.includes('hunter2'))
        return true
      },
    )
  })

  test('that is asynchronous is refused, and its rejection harms nobody', async (t) => {
    const unhandled: unknown[] = []
    const note = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', note)
    t.after(() => process.off('unhandledRejection', note))
    const rejecting = answering(Promise.reject(new Error('later')))
    assert.throws(() => firstMismatch(rejecting, {}), SessionOptionsError)
    const asynchronous = z.object({ name: z.string().refine(async () => false) })
    assert.throws(() => firstMismatch(asynchronous, { name: 'Ada' }), /asynchronous/)
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(unhandled, [])
  })
})
