import { parseAnswer, unintelligible } from './http-answers.ts'
import type { HttpAnswer } from './http-client.ts'
import type { HttpCall } from './http-connections.ts'
import { isPair, isText, isTextList, membersOf, pathOfKey, paths } from './http-protocol.ts'

export interface AskHttp {
  readonly call: (call: HttpCall) => Promise<HttpAnswer>
  readonly json: (call: HttpCall) => Promise<Readonly<Record<string, unknown>>>
}

export interface FoundValue {
  readonly value: string
  /** As the server says it: of anything. */
  readonly ttl: unknown
}

/** One value, with the time that it has left where that is wanted. */
export const findValue = async (
  ask: AskHttp,
  key: string,
  timed: boolean,
): Promise<FoundValue | undefined> => {
  const operation = timed ? 'getWithTtl' : 'get'
  const path = pathOfKey(key)
  if (path === undefined) return findInBody(ask, key, operation)
  const { status, body } = await ask.call({ operation, method: 'GET', path: timed ? `${path}?ttl` : path })
  if (status === 404) return undefined
  const { value, ttl } = membersOf(parseAnswer(body, operation))
  if (!isText(value)) throw unintelligible(operation)
  return { value, ttl }
}

/** Of a key that has no place in a path. */
const findInBody = async (
  { json }: AskHttp,
  key: string,
  operation: 'get' | 'getWithTtl',
): Promise<FoundValue | undefined> => {
  const body = JSON.stringify({ keys: [key], ttl: operation === 'getWithTtl' })
  const { values, ttls } = await json({ operation, method: 'POST', path: paths.getMany, body })
  if (!Array.isArray(values) || !values.every(isPair)) throw unintelligible(operation)
  const [pair] = values
  if (pair === undefined) return undefined
  if (pair[0] !== key) throw unintelligible(operation)
  return { value: pair[1], ttl: Array.isArray(ttls) ? ttls[0] : undefined }
}

/** Many values at once: what there is, and the keys that found no room in the answer. */
export const findBatch = async (
  { json }: AskHttp,
  keys: readonly string[],
): Promise<{ readonly values: readonly [string, string][]; readonly rest: readonly string[] }> => {
  const body = JSON.stringify({ keys })
  const { values, rest } = await json({ operation: 'getMany', method: 'POST', path: paths.getMany, body })
  const isWhole = Array.isArray(values) && values.every(isPair) && isTextList(rest)
  if (!isWhole || rest.length >= keys.length) throw unintelligible('getMany')
  const asked = new Set(keys)
  if (!values.every(([key]) => asked.has(key)) || !rest.every((key) => asked.has(key)))
    throw unintelligible('getMany')
  return { values, rest }
}
