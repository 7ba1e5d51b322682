import { after, suite, test } from 'node:test'
import type { RedisClient } from '../../../src/redis.ts'
import { redisStore } from '../../../src/redis.ts'
import { storeConformance } from '../../../src/testing.ts'
import { clientKinds, disconnectAll, newPrefix } from './redis-clients.ts'

after(disconnectAll)

for (const { name, server, connect } of clientKinds) {
  suite(`redisStore on ${name} keeps the store contract`, { skip: server.skip }, () => {
    let clients: RedisClient[] = []
    let prefix: string
    const client = (index: number) => {
      if (clients.length === 0) clients = [connect(server.url), connect(server.url)]
      return clients[index] as RedisClient
    }
    const cases = storeConformance({
      open: () => {
        prefix = newPrefix()
        return redisStore(client(0), { prefix })
      },
      connect: () => redisStore(client(1), { prefix }),
    })
    for (const { name, run } of cases) test(name, run)
  })
}
