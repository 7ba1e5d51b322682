import { describeAdapter } from './adapter-conformance.ts'
import { expressAdapter } from './express-app.ts'

for (const version of [4, 5] as const) {
  describeAdapter(expressAdapter(version))
}
