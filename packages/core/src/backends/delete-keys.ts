import type { CacheBackend } from '../backend.ts'
import { eachReady, type MaybePromise } from '../message.ts'

/** Deletes keys, in one call where the store has one for that. */
export const deleteKeys = (store: CacheBackend, keys: readonly string[]): MaybePromise<unknown> =>
  store.deleteMany?.(keys) ?? eachReady(keys, (key) => store.delete(key))
