import type { BackendHealth, CacheBackend } from './backend.ts'
import { messageOf } from './errors.ts'
import { type MaybePromise, whenReady } from './message.ts'

/** What a store says of its health; undefined of one that has nothing to say, and answers. Fails where it does not. */
export const askHealth = (store: CacheBackend): MaybePromise<BackendHealth | undefined> =>
  store.health === undefined
    ? whenReady(store.get('#health'), () => undefined)
    : whenReady<unknown, BackendHealth | undefined>(store.health(), (told) =>
        typeof told === 'object' && told !== null ? (told as BackendHealth) : undefined,
      )

/** Of a store that does not answer, and with what it fails. */
export const unreachable = (error: unknown): BackendHealth => ({
  status: 'unhealthy',
  connected: false,
  error: messageOf(error),
})
