import { CacheBackendError } from './errors.ts'

/**
 * How values become text. `'json'` keeps what JSON keeps. `'v8'` also keeps Date, Map, Set, typed arrays and circular
 * references; only Node reads it.
 *
 * @example
 * const serializer: ValueSerializer = { encode: (value) => superjson.stringify(value), decode: superjson.parse }
 */
export type ValueSerializer =
  | 'json'
  | 'v8'
  | { encode(value: unknown): string; decode(text: string): unknown }

/** A serialiser that says what went wrong in one way. */
export interface Serializer {
  /** Throws a `CacheBackendError` with SERIALIZATION_ERROR. */
  encode(value: unknown): string
  decode(text: string): unknown
}

const json: Serializer = { encode: (value) => JSON.stringify(value), decode: (text) => JSON.parse(text) }

/** Loads its module only where it is wanted. */
const createV8 = (): Serializer => {
  const { deserialize, serialize } = process.getBuiltinModule('node:v8')
  return {
    encode: (value) => serialize(value).toString('base64'),
    decode: (text) => deserialize(Buffer.from(text, 'base64')),
  }
}

export const serializerOf = (backend: string, given: ValueSerializer): Serializer => {
  const kind = given === 'json' ? json : given === 'v8' ? createV8() : given
  const failed = (operation: string, cause: unknown): CacheBackendError =>
    new CacheBackendError('SERIALIZATION_ERROR', { backend, operation, cause })
  return {
    encode: (value) => {
      let text: unknown
      try {
        text = kind.encode(value)
      } catch (cause) {
        throw failed('encode', cause)
      }
      if (typeof text === 'string') return text
      throw failed(
        'encode',
        new TypeError(`a ${typeof value} has no text: the serializer answered with ${typeof text}`),
      )
    },
    decode: (text) => {
      try {
        return kind.decode(text)
      } catch (cause) {
        throw failed('decode', cause)
      }
    },
  }
}
