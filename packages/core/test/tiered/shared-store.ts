import { type CacheBackend, type MaybePromise, type MemoryBackend, memory } from '@stowage/core'
import { interceptBackend } from '../../src/testing/intercept.ts'

type Heard = { readonly on: (message: string) => void; readonly onLost: (() => void) | undefined }

/** How a message goes from one to all: at once, later, or nowhere. */
export type Deliver = (send: () => void, message: string) => void

export interface SharedStore {
  readonly store: MemoryBackend
  /** One process's way to the store. */
  backend(): CacheBackend
  /** It comes back empty, with another epoch. */
  lose(): void
  /** Everybody is told that messages arrive again. */
  reconnect(): void
  /** What was published. */
  readonly messages: readonly string[]
}

interface SharedStoreOptions {
  readonly clock?: () => number
  readonly deliver?: Deliver
  readonly step?: (operation: string, call: () => MaybePromise<unknown>) => MaybePromise<unknown>
  readonly bumped?: (seq: number) => void
}

const later = async (_operation: string, call: () => MaybePromise<unknown>): Promise<unknown> => call()

/** A store across a network that several tiered backends share, with messages, and atomic operations. */
export const sharedStore = (options: SharedStoreOptions = {}): SharedStore => {
  const { clock = () => performance.now(), deliver = (send) => queueMicrotask(send), step = later } = options
  const store = memory({ clock })
  let state = store.tags
  const channels = new Map<string, Set<Heard>>()
  const messages: string[] = []
  const left = (key: string): number => store.getWithTtl(key)?.ttl ?? Number.POSITIVE_INFINITY
  const raw: CacheBackend = {
    ...methodsOf(store),
    tags: {
      head: () => state.head(),
      read: (tags) => state.read(tags),
      bump: (tags) => {
        const seq = state.bump(tags)
        options.bumped?.(seq)
        return seq
      },
    },
    increment: (key, ttl = Number.POSITIVE_INFINITY) => {
      const count = Number(store.get(key) ?? 0) + 1
      store.set(key, String(count), count === 1 ? ttl : left(key))
      return count
    },
    setIfAbsent: (key, value, ttl) => {
      if (store.has(key)) return false
      store.set(key, value, ttl)
      return true
    },
    compareAndDelete: (key, expected) => {
      if (store.get(key) !== expected) return false
      store.delete(key)
      return true
    },
    setIfOwner: (key, value, ttl, leaseKey, token) => {
      if (store.get(leaseKey) !== token) return false
      store.set(key, value, ttl)
      return true
    },
    publish: (channel, message) => {
      messages.push(message)
      for (const heard of channels.get(channel) ?? []) deliver(() => heard.on(message), message)
    },
    subscribe: (channel, on, onLost) => {
      const heard = { on, onLost }
      channels.set(channel, (channels.get(channel) ?? new Set()).add(heard))
      return () => void channels.get(channel)?.delete(heard)
    },
  }
  return {
    store,
    messages,
    backend: () => {
      let closed = false
      const close = (): void => {
        closed = true
      }
      return interceptBackend({ ...raw, close }, (operation, call) =>
        closed ? whenClosed(operation) : step(operation, call),
      )
    },
    lose: () => {
      store.clear()
      state = memory().tags
    },
    reconnect: () => {
      for (const all of channels.values()) for (const { onLost } of all) onLost?.()
    },
  }
}

const whenClosed = (operation: string): unknown => {
  if (operation.startsWith('get')) return operation === 'getMany' ? new Map() : null
  return operation === 'has' ? false : undefined
}

const methodsOf = (store: MemoryBackend): CacheBackend => ({
  name: 'shared',
  get: (key) => store.get(key),
  set: (key, value, ttl) => store.set(key, value, ttl),
  delete: (key) => store.delete(key),
  has: (key) => store.has(key),
  clear: () => store.clear(),
  keys: (pattern) => store.keys(pattern),
  getMany: (keys) => store.getMany(keys),
  setMany: (entries, ttl) => store.setMany(entries, ttl),
  deleteMany: (keys) => store.deleteMany(keys),
  getWithTtl: (key) => store.getWithTtl(key),
  prune: () => store.prune(),
  stats: () => store.stats(),
  health: () => store.health(),
  close: () => store.close(),
})
