import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { newRecord, now } from './records.ts'
import { newPath, openStore } from './sqlite-databases.ts'

test('four processes with a hundred callers each count to four hundred', async () => {
  const path = newPath()
  const store = openStore(path)
  const record = newRecord({ data: '0' })
  await store.create(record)
  const children = Array.from({ length: 4 }, () => start('count.ts', path, record.id, '100'))
  const printed = children.map(async ({ stdout, stderr }) => [
    ...(await Promise.all([text(stdout), text(stderr)])),
  ])
  assert.deepEqual(await Promise.all(printed), Array(4).fill(['done\n', '']))
  const [counted] = await store.load([record.id], now)
  assert.equal(counted?.data, '400')
  assert.equal(counted?.version, 401)
})

test('what was answered is there after kill -9, ten times', async () => {
  for (let round = 0; round < 10; round++) {
    const path = newPath()
    const child = start('write-without-end.ts', path)
    const answered = new Map<string, number>()
    let count = 0
    for await (const line of createInterface(child.stdout)) {
      const [id = '', version] = line.split(' ')
      answered.set(id, Number(version))
      // At another place each time.
      if (++count === 50 + round * 17) child.kill('SIGKILL')
    }
    assert.ok(answered.size > 10, await text(child.stderr))

    const store = openStore(path)
    for (const [id, version] of answered) {
      const [record] = await store.load([id], now)
      assert.ok(record !== undefined, `${id} was answered and is not there`)
      assert.ok(record.version >= version, `version ${version} was answered`)
      assert.equal(record.data, `${record.version}`)
    }
    await store.close()
    using database = new DatabaseSync(path)
    assert.deepEqual(database.prepare('PRAGMA integrity_check').all().map(Object.values), [['ok']])
  }
})

test('a process ends by itself when its writes are answered, also those that wait', async () => {
  const path = newPath()
  await openStore(path).close()
  const other = new DatabaseSync(path)
  other.exec('BEGIN IMMEDIATE')
  const child = start('write-and-leave.ts', path)
  assert.equal(String((await once(child.stdout, 'data'))[0]), 'accepted\n')
  other.close()
  assert.equal(await text(child.stdout), 'created\n')
  if (child.exitCode === null) await once(child, 'exit')
  assert.equal(child.exitCode, 0)
  assert.equal((await openStore(path).scan({ limit: 2 }, now)).records.length, 1)
})

test('a write waits for another process without holding the event loop', async () => {
  const path = newPath()
  const store = openStore(path)
  const child = start('hold-the-lock.ts', path)
  assert.equal(String((await once(child.stdout, 'data'))[0]), 'locked\n')
  const created = store.create(newRecord())
  for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate)
  child.stdin.end()
  assert.equal(await created, 'created')
})

function start(program: string, ...given: string[]): ChildProcessWithoutNullStreams {
  const path = fileURLToPath(new URL(`processes/${program}`, import.meta.url))
  return spawn(process.execPath, [path, ...given])
}
