import { suite, test } from 'node:test'
import { sqliteStore } from '../../../src/sqlite.ts'
import { storeConformance } from '../../../src/testing.ts'
import { driverNames, newPath, openClient, openStore } from './sqlite-databases.ts'

suite('sqliteStore on a path keeps the store contract', () => {
  let path: string
  const cases = storeConformance({
    open: () => {
      path = newPath()
      return openStore(path)
    },
    connect: () => openStore(path),
  })
  for (const { name, run } of cases) test(name, run)
})

suite('sqliteStore in memory keeps the store contract', () => {
  for (const { name, run } of storeConformance({ open: () => sqliteStore(':memory:') })) {
    test(name, run)
  }
})

for (const name of driverNames) {
  suite(`sqliteStore on an open ${name} database keeps the store contract`, () => {
    let path: string
    const cases = storeConformance({
      open: () => {
        path = newPath()
        return sqliteStore(openClient(name, path))
      },
      connect: () => sqliteStore(openClient(name, path)),
    })
    for (const { name, run } of cases) test(name, run)
  })
}
