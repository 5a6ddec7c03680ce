import { CacheBackendError } from '../errors.ts'

export interface Gauges {
  readonly entries: number
  readonly bytes: number
  readonly maxEntries: number
  readonly maxBytes: number
}

/** The gauges of the store behind the server; what it does not tell is nothing, or has no limit. */
export const gaugesIn = (told: Readonly<Record<string, unknown>>): Gauges => {
  const gauge = (name: keyof Gauges, unknown: number): number => {
    const value = told[name]
    return typeof value === 'number' ? value : unknown
  }
  return {
    entries: gauge('entries', 0),
    bytes: gauge('bytes', 0),
    maxEntries: gauge('maxEntries', Number.POSITIVE_INFINITY),
    maxBytes: gauge('maxBytes', Number.POSITIVE_INFINITY),
  }
}

/** The JSON of an answer. */
export const parseAnswer = (body: string, operation: string): unknown => {
  try {
    return JSON.parse(body)
  } catch {
    throw unintelligible(operation)
  }
}

/** What an answer that is none of the protocol's comes to. */
export const unintelligible = (operation: string): CacheBackendError =>
  new CacheBackendError('SERIALIZATION_ERROR', {
    backend: 'http',
    operation,
    cause: new Error('the server did not answer as cacheServer() does'),
  })
