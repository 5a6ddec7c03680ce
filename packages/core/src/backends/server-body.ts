import { isPair, isText, isTextList, membersOf, ttlFromJson } from './http-protocol.ts'
import { ServerRefusal } from './server-refusal.ts'

/** Of one request: millions of empty texts find room in a message, and would hold everybody else up. */
const mostKeys = 10_000
const mostTags = 100_000

const checkCount = (list: readonly unknown[], most: number): void => {
  if (list.length > most) throw new ServerRefusal(413, `a list has ${most} elements at most`)
}

export const valueIn = (value: unknown, maxValueBytes: number): string => {
  if (!isText(value)) throw new ServerRefusal(400, 'value must be a text')
  if (Buffer.byteLength(value) > maxValueBytes)
    throw new ServerRefusal(413, `a value has ${maxValueBytes} bytes at most`)
  return value
}

export const ttlIn = (timeout: unknown): number => {
  const ttl = ttlFromJson(timeout)
  if (ttl === undefined)
    throw new ServerRefusal(400, 'timeout must be a number of seconds above 0, or null for no expiry')
  return ttl
}

export const keysIn = (body: unknown): readonly string[] => {
  const { keys } = membersOf(body)
  if (!isTextList(keys)) throw new ServerRefusal(400, 'keys must be a list of texts')
  checkCount(keys, mostKeys)
  return keys
}

export const tagsIn = (body: unknown): readonly string[] => {
  const { tags } = membersOf(body)
  if (!isTextList(tags)) throw new ServerRefusal(400, 'tags must be a list of texts')
  checkCount(tags, mostTags)
  return tags
}

export const epochIn = (body: unknown): string | undefined => {
  const { epoch } = membersOf(body)
  if (epoch !== undefined && !isText(epoch)) throw new ServerRefusal(400, 'epoch must be a text')
  return epoch
}

export const pairsIn = (body: unknown): readonly [string, string][] => {
  const { entries } = membersOf(body)
  if (!Array.isArray(entries) || !entries.every(isPair))
    throw new ServerRefusal(400, 'entries must be a list of pairs of texts')
  checkCount(entries, mostKeys)
  return entries
}
