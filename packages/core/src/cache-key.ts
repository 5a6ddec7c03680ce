/**
 * A key made of parts, for the data API: different parts never make the same text.
 *
 * @example
 * const key: CacheKey = cacheKey('user', id, 'profile')
 */
export interface CacheKey {
  readonly parts: readonly string[]
  toString(): string
}

const escaped = (part: string): string => part.replace(/[\\:]/g, (mark) => `\\${mark}`)

/**
 * Joins parts with colons; a colon or backslash inside of a part is escaped, so that `('a:b')` and `('a', 'b')` differ.
 *
 * @example
 * String(cacheKey('user', '7', 'profile'))   // user:7:profile
 */
export const cacheKey = (...parts: string[]): CacheKey => {
  const text = parts.map(escaped).join(':')
  return Object.freeze({ parts: Object.freeze([...parts]), toString: () => text })
}
