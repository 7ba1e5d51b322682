import { StoreSetupError } from '../../core/errors.ts'
import type { Verdict } from '../sql/sql-database.ts'

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const AGAIN: ReadonlySet<string> = new Set([
  '40001', // serialization_failure
  '40P01', // deadlock_detected
  '55P03', // lock_not_available: the server's lock_timeout
])

const NO_SUCH_STATEMENT = '26000'
const STATEMENT_EXISTS = '42P05'

/** Classes of errors about this statement or its values. */
const REFUSED: ReadonlySet<string> = new Set(['21', '22', '23', '27', '44', '54', 'P0'])

/** Classes of errors about the tables, the rights or the settings. */
const MISFIT: ReadonlySet<string> = new Set(['0A', '26', '3F', '42'])

/** Unavailable is all else, a server that is read-only (25006) included: it was the primary once. */
export function judge(error: unknown): Verdict {
  const state = sqlState(error)
  if (state === undefined) return 'unavailable'
  if (AGAIN.has(state)) return 'again'
  const stateClass = state.slice(0, 2)
  if (REFUSED.has(stateClass)) return 'refused'
  return MISFIT.has(stateClass) ? 'misfit' : 'unavailable'
}

/** The five characters that PostgreSQL gives an error; Node's own codes are longer, but for EPIPE. */
function sqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  const { code } = error
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && code !== 'EPIPE'
    ? code
    : undefined
}

export function misfitError(error: unknown): StoreSetupError {
  const state = sqlState(error)
  if (state === NO_SUCH_STATEMENT || state === STATEMENT_EXISTS) {
    return new StoreSetupError(
      'PostgreSQL has lost a prepared statement, or has it already: there is a connection pooler ' +
        'in between. Set preparedStatements: false, or max_prepared_statements in PgBouncer 1.21.',
      { cause: error },
    )
  }
  return new StoreSetupError(
    `PostgreSQL refused a statement of sessile (${state}): see the cause.`,
    {
      cause: error,
    },
  )
}

const MAY_HOLD_DATA = ['detail', 'where', 'params', 'parameters', 'args']

/** Drivers put the values of a row, or of the parameters, into errors, which end in a log. */
export async function withoutData<T>(pending: PromiseLike<T>): Promise<T> {
  try {
    return await pending
  } catch (error) {
    if (error instanceof Error) {
      for (const name of MAY_HOLD_DATA) {
        if (name in error) Object.assign(error, { [name]: undefined })
      }
    }
    throw error
  }
}
