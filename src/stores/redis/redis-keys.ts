/** How many parts the review index has, so that a cluster can spread it over its nodes. */
export const REVIEW_SHARDS = 64

/**
 * The names of the keys. What stands in braces decides the slot of a cluster; all keys of one
 * session, or of one principal, share a slot.
 */
export class RedisKeys {
  readonly #prefix: string

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /** A record. */
  session(id: string): string {
    return `${this.#prefix}{${tag(id)}}`
  }

  /** The ids of a principal's sessions. */
  principal(principal: string): string {
    return `${this.#prefix}principal:{${tag(principal)}}`
  }

  /** Which sessions a sweep has to look at, and when. */
  review(shard: number): string {
    return `${this.#prefix}review:{${shard}}`
  }

  reviewOf(id: string): string {
    return this.review(shardOf(id))
  }
}

// An id may be any text, and so may a principal: a brace would end the tag, an empty tag is none,
// and half of a surrogate pair would become a replacement character like any other half.
function tag(text: string): string {
  if (text === '') return '%'
  return text.replace(
    /[%{}\p{Surrogate}]/gu,
    (character) => `%${character.charCodeAt(0).toString(16)}`,
  )
}

// FNV-1a
function shardOf(id: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < id.length; index++) {
    hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193)
  }
  return (hash >>> 0) % REVIEW_SHARDS
}
