import type { PostgresStatement } from './postgres-connections.ts'
import { type PostgresValue, toArray, toPacked, toText } from './postgres-values.ts'

/** A column of the rows that a statement is given: its name and its type. */
export type GivenColumn = readonly [name: string, type: string]

/** A statement for a single row, and the same for any number of rows. */
export interface RowsStatement {
  readonly columns: readonly GivenColumn[]
  readonly one: PostgresStatement
  readonly many: PostgresStatement
}

/** The query that turns the parameters of `one` into a row. */
export function givenRow(columns: readonly GivenColumn[]): string {
  // Cast from text, because clients have ideas of their own about parameters of other types.
  const values = columns.map(([name, type], index) => `$${index + 1}::text::${type} AS ${name}`)
  return `SELECT ${values.join(', ')}`
}

/** The query that turns the parameters of `many`, an array for each column, into rows. */
export function givenRows(columns: readonly GivenColumn[]): string {
  const delimiter = `$${columns.length + 1}::text`
  const arrays = columns.map(([name, type], index) => {
    const parameter = `$${index + 1}`
    return unseen(isPacked(name) ? unpacked(parameter, delimiter) : `${parameter}::${type}[]`)
  })
  const names = columns.map(([name]) => name)
  return `SELECT * FROM unnest(${arrays.join(', ')}) AS given (${names.join(', ')})`
}

/**
 * An expression that the planner cannot see through. If it saw how many elements an array has, a plan
 * for this very array would look better than the one that it keeps, and it would plan each time: that
 * takes longer than the statement itself.
 */
export function unseen(expression: string): string {
  return `(SELECT ${expression})`
}

function unpacked(packed: string, delimiter: string): string {
  return `(string_to_array(${packed}::text, ${delimiter}))[2:]`
}

/** Payloads are packed, because to escape the quotes of JSON in an array takes far longer. */
function isPacked(name: string): boolean {
  return name === 'data'
}

/** The parameters of `one`. */
export function oneParameters(row: readonly PostgresValue[]): (string | null)[] {
  return row.map(toText)
}

/** The parameters of `many`. */
export function manyParameters(
  columns: readonly GivenColumn[],
  rows: readonly (readonly PostgresValue[])[],
): (string | null)[] {
  const delimiters: string[] = []
  const parameters = columns.map(([name], index) => {
    const values = rows.map((row) => row[index] ?? null)
    if (!isPacked(name)) return toArray(values)
    const { packed, delimiter } = toPacked(values.map(String))
    delimiters.push(delimiter)
    return packed
  })
  return [...parameters, ...delimiters]
}
