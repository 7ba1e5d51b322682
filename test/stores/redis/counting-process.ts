// A process of its own: adds one to a counter of one session, and sets a key, as often as it is told,
// all at once. Prints what went wrong, as JSON. Arguments: the client, the URL, the prefix, the
// cookie, how often, and a name for the keys.
import { createSessions } from '../../../src/index.ts'
import { redisStore } from '../../../src/redis.ts'
import { clientKinds, disconnectAll } from './redis-clients.ts'

const [, , clientName, url = '', prefix = '', cookie = '', count = '0', name = ''] = process.argv
const kind = clientKinds.find((each) => each.name === clientName)
if (kind === undefined) throw new Error(`There is no client ${clientName}.`)

const sessions = createSessions<Record<string, number>>({
  store: redisStore(kind.connect(url), { prefix }),
  cookie: { secure: false },
  sweepInterval: false,
  onEvent: () => {},
})

const outcomes = await Promise.allSettled(
  Array.from({ length: Number(count) }, async (_, index) => {
    const session = await sessions.open({ cookie })
    session.update('counter', (before = 0) => before + 1)
    session.set(`${name}-${index}`, 1)
    await sessions.save(session)
  }),
)
const failures = outcomes.filter(({ status }) => status === 'rejected')
process.stdout.write(
  JSON.stringify(failures.map((each) => String((each as { reason: unknown }).reason))),
)

await sessions.close()
disconnectAll()
