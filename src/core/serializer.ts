import * as devalue from 'devalue'

/** Turns a session's payload into text or bytes, and back. */
export interface Serializer {
  /**
   * @param payload an object of storable values, see {@link Session.set}
   * @param isJson whether JSON carries it exactly: no Date, Map, `undefined`, cycle and so on in it
   */
  stringify(payload: object, isJson: boolean): string | Uint8Array
  /** Must throw on anything that `stringify` did not make. */
  parse(stored: string | Uint8Array): unknown
}

/**
 * The default: JSON text wherever JSON carries the payload exactly, so that a row can be read with
 * any tool; else the text of `devalue`, which also carries Date, Map, Set, BigInt, bytes,
 * `undefined` and cycles. The first character tells them apart: `{` or `[`.
 */
export const jsonSerializer: Serializer = {
  stringify: (payload, isJson) => (isJson ? JSON.stringify(payload) : devalue.stringify(payload)),
  parse(stored) {
    const text = typeof stored === 'string' ? stored : new TextDecoder().decode(stored)
    if (text.startsWith('[')) return devalue.parse(text)
    // `__proto__` may also be spelt with escapes; the reviver costs time, so only then.
    const suspicious = text.includes('__proto__') || text.includes('\\u')
    return JSON.parse(text, suspicious ? refuseProto : undefined)
  },
}

function refuseProto(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new SyntaxError('A payload must not have the key __proto__.')
  return value
}
