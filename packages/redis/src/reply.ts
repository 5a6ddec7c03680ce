import type { CommandArgument } from './client.ts'
import { readBack } from './texts.ts'

/** Some 30,000 years: Redis refuses the numbers beyond. */
const mostMs = 1e15

/** Milliseconds that Redis keeps a value: whole, and 0 for no end. */
export const lifetime = (ttl: number): number =>
  ttl * 1000 > mostMs ? 0 : Math.max(1, Math.ceil(ttl * 1000))

/** The same as arguments of SET. */
export const expiry = (ttl: number): readonly CommandArgument[] => {
  const ms = lifetime(ttl)
  return ms === 0 ? [] : ['PX', ms]
}

export const text = (reply: unknown): string | null => {
  if (typeof reply === 'string') return readBack(reply)
  if (reply === null) return null
  throw new TypeError(`Redis answered with ${typeof reply}, not with text`)
}

/** A client may be set to give numbers as text. */
export const count = (reply: unknown): number => {
  const number = Number(reply)
  if ((typeof reply === 'number' || typeof reply === 'string') && Number.isSafeInteger(number)) return number
  throw new TypeError(`Redis answered with ${typeof reply}, not with a number`)
}
