import { SessionDataError, SessionOptionsError } from './errors.ts'

/**
 * The part of the Standard Schema interface (standardschema.dev) that is used, so that a schema of
 * Zod, Valibot, ArkType and others fits without a dependency.
 */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult | Promise<SchemaResult>
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined
  }
}

interface SchemaResult {
  readonly issues?: readonly SchemaIssue[] | undefined
}

interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** Where the data does not fit the schema, or `null` if it does. Never the value that is there. */
export function firstMismatch(schema: StandardSchema, data: object): string | null {
  const result = schema['~standard'].validate(data)
  if (result instanceof Promise) {
    // It would settle after the decision: without this its rejection would end the process.
    result.catch(() => {})
    throw new SessionOptionsError('schema: it validates asynchronously; give a synchronous one.')
  }
  const issue = result.issues?.[0]
  return issue === undefined ? null : spell(issue.path ?? []) || '(data)'
}

/** As errors name a place in the data, for example `cart[2].price`. */
function spell(path: NonNullable<SchemaIssue['path']>): string {
  let text = ''
  for (const part of path) {
    const key = typeof part === 'object' ? part.key : part
    if (typeof key === 'number') text += `[${key}]`
    else text += text === '' ? String(key) : `.${String(key)}`
  }
  return text
}

/** @throws SessionDataError if the data does not fit */
export function checkSchema(schema: StandardSchema | undefined, data: object): void {
  if (schema === undefined) return
  const path = firstMismatch(schema, data)
  if (path === null) return
  throw new SessionDataError(
    'ERR_SESSION_DATA_SCHEMA',
    `The session data does not fit the schema at ${path}; nothing was stored.`,
    path,
  )
}
