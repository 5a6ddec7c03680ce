import type { CacheBackend } from '../backend.ts'

/**
 * Values as bytes on a backend of strings.
 *
 * @example
 * const images: BytesView = bytesView(memory())
 */
export interface BytesView {
  /** Null where there is nothing, or nothing that a `bytesView()` has written. */
  get(key: string): Promise<Uint8Array | null>
  /** `ttl` in seconds, above 0, or Infinity. */
  set(key: string, value: Uint8Array, ttl: number): Promise<void>
  delete(key: string): Promise<void>
  close(): Promise<void>
}

/** Tells what was written here from other strings. */
const mark = 'b'

/**
 * A view of a backend whose values are bytes: base64 behind a mark of one character.
 *
 * @example
 * const images = bytesView(memory())
 * await images.set('logo', new Uint8Array([1, 2, 3]), 3600)
 * await images.get('logo')   // Uint8Array [ 1, 2, 3 ]
 */
export const bytesView = (backend: CacheBackend): BytesView => ({
  get: async (key) => {
    const text = await backend.get(key)
    return text?.startsWith(mark) === true ? new Uint8Array(Buffer.from(text.slice(1), 'base64')) : null
  },
  set: async (key, value, ttl) => {
    await backend.set(key, mark + Buffer.from(value).toString('base64'), ttl)
  },
  delete: async (key) => {
    await backend.delete(key)
  },
  close: async () => {
    await backend.close()
  },
})
