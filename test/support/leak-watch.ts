import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { jsonSerializer } from '../../src/core/serializer.ts'
import type { SessionRecord } from '../../src/core/session-record.ts'
import type { Call } from './scripted-store.ts'

interface Stored {
  readonly data: object
  readonly flash?: readonly { readonly message: string }[]
  readonly csrf?: string
}

/** Shorter texts turn up everywhere by chance. */
const SHORTEST = 6

/** Everything of a list of store calls that no event and no error may show. */
export function confidentialTexts(calls: readonly Call[]): Set<string> {
  const texts = new Set<string>()
  for (const { verb, given } of calls) {
    if (verb !== 'create' && verb !== 'save') continue
    const record = given[0] as SessionRecord
    texts.add(record.secretHash)
    if (record.previousSecretHash !== null) texts.add(record.previousSecretHash)
    let payload: unknown
    try {
      payload = jsonSerializer.parse(record.data)
    } catch {
      continue
    }
    const { data, flash = [], csrf } = payload as Stored
    collect(Object.values(data), texts)
    for (const { message } of flash) texts.add(message)
    if (csrf !== undefined) texts.add(csrf)
  }
  return texts
}

/** Asserts that none of the events and errors shows any of the texts, also not in a `cause`. */
export function assertNothingLeaked(shown: readonly unknown[], texts: Iterable<string>): void {
  const confidential = [...texts].filter((text) => text.length >= SHORTEST)
  for (const one of shown) {
    const text = inspect(one, { depth: 10, maxArrayLength: null, maxStringLength: null })
    const leaked = confidential.find((secret) => text.includes(secret))
    assert.equal(leaked, undefined, `leaked in ${text}`)
  }
}

function collect(value: unknown, texts: Set<string>): void {
  if (typeof value === 'string') texts.add(value)
  else if (typeof value === 'object' && value !== null) {
    for (const child of Object.values(value)) collect(child, texts)
  }
}
