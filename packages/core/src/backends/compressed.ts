import type { CacheBackend } from '../backend.ts'
import type { ByteSize } from '../durations.ts'
import { showValue } from '../errors.ts'
import { type MaybePromise, whenReady } from '../message.ts'
import { type Capable, withMethods } from './pass-through.ts'
import { SettingsReader } from './settings.ts'

/**
 * Options of `compressed()`.
 *
 * @example
 * const options: CompressedOptions = { algorithm: 'br', minBytes: '4kb' }
 */
export interface CompressedOptions {
  /** `'zstd'` needs a Node that has it (22.15 and later). Default `'gzip'`. */
  algorithm?: 'gzip' | 'br' | 'zstd'
  /** Shorter values are stored as they are. Default `'1kb'`. */
  minBytes?: ByteSize
  /** A longer value is stored as it is, and one that would become longer when read is a miss. Default `'64mb'`. */
  maxBytes?: ByteSize
}

type Algorithm = 'gzip' | 'br' | 'zstd'
type Transform = (bytes: Buffer, options: object) => Promise<Buffer>

interface Coder {
  readonly pack: (bytes: Buffer) => Promise<Buffer>
  readonly unpack: Transform
}

/** Begins what was compressed, and a plain value that begins so itself. No other value is changed. */
const mark = '\u0000'
const plain = '='
const marks: Readonly<Record<Algorithm, string>> = { gzip: 'g', br: 'b', zstd: 'z' }

/** Loaded where it is used. */
const zlib = () => process.getBuiltinModule('node:zlib')

const transformOf = (name: string): Transform | undefined => {
  const found: unknown = (zlib() as unknown as Record<string, unknown>)[name]
  if (typeof found !== 'function') return undefined
  return process.getBuiltinModule('node:util').promisify(found) as Transform
}

const coderOf = (pack: string, unpack: string, options: object = {}): Coder | undefined => {
  const packing = transformOf(pack)
  const unpacking = transformOf(unpack)
  if (packing === undefined || unpacking === undefined) return undefined
  return { pack: (bytes) => packing(bytes, options), unpack: unpacking }
}

/** Quality 4: that of the default, 11, takes a hundred times as long. */
const brotli = { params: { [zlib().constants.BROTLI_PARAM_QUALITY]: 4 } }

const coders: Readonly<Record<Algorithm, Coder | undefined>> = {
  gzip: coderOf('gzip', 'gunzip'),
  br: coderOf('brotliCompress', 'brotliDecompress', brotli),
  zstd: coderOf('zstdCompress', 'zstdDecompress'),
}

/** In UTF-8, which is what is compressed, all surrogates that stand alone are one. */
const isWhole = (text: string): boolean => (text as unknown as { isWellFormed(): boolean }).isWellFormed()

interface Settings {
  readonly algorithm: Algorithm
  readonly minBytes: number
  readonly maxBytes: number
}

const readOptions = (options: CompressedOptions): Settings => {
  const read = new SettingsReader('compressed', options, ['algorithm', 'minBytes', 'maxBytes'])
  const algorithm = read.text('algorithm', 'gzip')
  const minBytes = read.bytes('minBytes', '1kb')
  const maxBytes = read.bytes('maxBytes', '64mb')
  if (!Object.hasOwn(coders, algorithm)) {
    const rule = `algorithm must be "gzip", "br" or "zstd"; received ${showValue(algorithm)}`
    read.refuse('CACHE_CONFIG_RANGE', 'algorithm', algorithm, rule, 'gzip')
  } else if (coders[algorithm as Algorithm] === undefined) {
    const rule = `algorithm "${algorithm}" is not in Node ${process.versions.node}. Use "br" or "gzip"`
    read.refuse('CACHE_CONFIG_RANGE', 'algorithm', algorithm, rule, 'br')
  }
  read.settle()
  return { algorithm: algorithm as Algorithm, minBytes, maxBytes }
}

/** Strings to strings and back; at once where nothing is compressed. */
class Packing {
  readonly #settings: Settings

  constructor(settings: Settings) {
    this.#settings = settings
  }

  pack(value: string): MaybePromise<string> {
    const { algorithm, minBytes, maxBytes } = this.#settings
    const as = value.startsWith(mark) ? mark + plain + value : value
    const coder = coders[algorithm]
    const size = Buffer.byteLength(value)
    if (coder === undefined || size < minBytes || size > maxBytes || !isWhole(value)) return as
    return coder.pack(Buffer.from(value)).then((bytes) => {
      const packed = `${mark}${marks[algorithm]}${bytes.toString('base64')}`
      return packed.length < value.length ? packed : as
    })
  }

  /** Null where it cannot be read, or would become too long: a few bytes can stand for very many. */
  unpack(text: string | null | undefined): MaybePromise<string | null> {
    if (text === null || text === undefined) return null
    if (!text.startsWith(mark)) return text
    if (text[1] === plain) return text.slice(2)
    const algorithm = (Object.keys(marks) as Algorithm[]).find((each) => marks[each] === text[1])
    const coder = algorithm === undefined ? undefined : coders[algorithm]
    if (coder === undefined) return null
    const limit = { maxOutputLength: this.#settings.maxBytes }
    return coder.unpack(Buffer.from(text.slice(2), 'base64'), limit).then(
      (bytes) => bytes.toString(),
      () => null,
    )
  }
}

const packAll = async (
  packing: Packing,
  entries: Iterable<readonly [string, string]>,
): Promise<(readonly [string, string])[]> =>
  Promise.all([...entries].map(async ([key, value]) => [key, await packing.pack(value)] as const))

const unpackAll = async (packing: Packing, found: MaybePromise<Map<string, string>>) => {
  const values = new Map<string, string>()
  for (const [key, text] of await found) {
    const value = await packing.unpack(text)
    if (value !== null) values.set(key, value)
  }
  return values
}

const writing = (store: Capable, packing: Packing): Partial<CacheBackend> => ({
  set: (key, value, ttl) => whenReady(packing.pack(value), (text) => store.set(key, text, ttl)),
  setMany: async (entries, ttl) => store.setMany(await packAll(packing, entries), ttl),
  setIfAbsent: (key, value, ttl) =>
    whenReady(packing.pack(value), (text) => store.setIfAbsent(key, text, ttl)),
  setIfOwner: (key, value, ttl, lease, token) =>
    whenReady(packing.pack(value), (text) => store.setIfOwner(key, text, ttl, lease, token)),
  compareAndDelete: (key, expected) =>
    whenReady(packing.pack(expected), (text) => store.compareAndDelete(key, text)),
})

const reading = (store: Capable, packing: Packing): Partial<CacheBackend> => ({
  get: (key) => whenReady(store.get(key), (text) => packing.unpack(text)),
  getMany: (keys) => unpackAll(packing, store.getMany(keys)),
  getWithTtl: (key) =>
    whenReady(store.getWithTtl(key), (entry) => {
      if (entry === null || entry === undefined) return null
      return whenReady(packing.unpack(entry.value), (value) =>
        value === null ? null : { value, ttl: entry.ttl },
      )
    }),
})

/**
 * A backend whose longer values are compressed, off the event loop. What is stored is text: the result as base64 behind
 * a mark. Values that were there before stay readable, and those of another algorithm as well.
 *
 * @throws {CacheConfigError} `CACHE_CONFIG_RANGE`, also where the running Node has no zstd; `CACHE_CONFIG_UNKNOWN_OPTION`
 *
 * @example
 * const backend = compressed(memory(), { algorithm: 'br', minBytes: '4kb' })
 */
export const compressed = (backend: CacheBackend, options: CompressedOptions = {}): CacheBackend => {
  const packing = new Packing(readOptions(options))
  const store = backend as Capable
  const methods = { ...writing(store, packing), ...reading(store, packing) }
  return withMethods(backend, backend.name ?? 'backend', methods, backend.tags)
}
