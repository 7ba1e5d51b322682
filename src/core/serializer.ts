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
  stringify: (payload, isJson) => (isJson ? JSON.stringify(payload) : stringifyRich(payload)),
  parse(stored) {
    const text = typeof stored === 'string' ? stored : utf8.decode(stored)
    if (text.startsWith('[')) return parseRich(text)
    // `__proto__` may also be spelt with escapes; the reviver costs time, so only then.
    const suspicious = text.includes('__proto__') || text.includes('\\u')
    return JSON.parse(text, suspicious ? refuseProto : undefined)
  },
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** The text of `devalue`, which always begins with `[` for an object. */
export function stringifyRich(value: object): string {
  return devalue.stringify(value, undefined, { operations: { viewInfo } })
}

export function parseRich(text: string): unknown {
  const operations = { box: refuse, fromRegExpInfo: refuse, fromStringValue: refuse }
  return devalue.parse(text, undefined, { operations })
}

/** Only the bytes of the view: the buffer behind it may hold other people's, as Node's pool does. */
function viewInfo(view: ArrayBufferView) {
  const isWhole = view.byteLength === view.buffer.byteLength
  const own = isWhole ? view : Uint8Array.prototype.slice.call(view)
  return devalue.defaultStringifyOperations.viewInfo(own)
}

/** For what `devalue` could read, but no session can store. */
function refuse(): never {
  throw new SyntaxError('The payload has a value of a type that no session stores.')
}

function refuseProto(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new SyntaxError('A payload must not have the key __proto__.')
  return value
}
