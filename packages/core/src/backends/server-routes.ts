import type { CacheBackend, TagState } from '../backend.ts'
import type { MaybePromise } from '../message.ts'
import { createTagTable } from '../tag-table.ts'
import {
  isPair,
  isText,
  isTextList,
  keyInPath,
  membersOf,
  paths,
  ttlFromJson,
  ttlToJson,
} from './http-protocol.ts'

/** A request that is answered with an error of its own. */
export class Refusal extends Error {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status = status
    this.headers = headers
  }
}

export interface Asked {
  readonly body: unknown
  readonly query: URLSearchParams
}

export type Reply =
  | { readonly status: number; readonly json?: unknown }
  | { readonly lines: AsyncIterable<string> }

type Act = (asked: Asked) => Promise<Reply>

/** What a path does, by method. */
export interface Route {
  readonly GET?: Act
  readonly HEAD?: Act
  readonly PUT?: Act
  readonly POST?: Act
  readonly DELETE?: Act
}

const ok = (json: unknown): Reply => ({ status: 200, json })
const done: Reply = { status: 204 }
const missing: Reply = { status: 404, json: { error: { status: 404, message: 'no such key' } } }

const unsupported = (what: string): Refusal => new Refusal(501, `the store behind the server has no ${what}`)

/** Several at once: a store need not be able to. */
const together = 20

export const routesOf = (
  backend: CacheBackend,
  maxValueBytes: number,
): ((path: string) => Route | undefined) => {
  const routes: ReadonlyMap<string, Route> = new Map([
    ...Object.entries(batchRoutes(backend, maxValueBytes)),
    ...Object.entries(storeRoutes(backend)),
    ...Object.entries(tagRoutes(backend.tags ?? createTagTable())),
  ])
  return (path) => {
    const key = keyInPath(path)
    return key === undefined ? routes.get(path) : keyRoute(backend, key, maxValueBytes)
  }
}

const keyRoute = (backend: CacheBackend, key: string, maxValueBytes: number): Route => ({
  GET: async ({ query }) => {
    const found = await getOne(backend, key, query.has('ttl'))
    return found === null ? missing : ok(found)
  },
  HEAD: async () => ({ status: (await isThere(backend, key)) ? 200 : 404 }),
  PUT: async ({ body }) => {
    const { value, timeout } = membersOf(body)
    await backend.set(key, valueIn(value, maxValueBytes), ttlIn(timeout))
    return done
  },
  DELETE: async () => {
    await backend.delete(key)
    return done
  },
})

const getOne = async (
  backend: CacheBackend,
  key: string,
  timed: boolean,
): Promise<{ value: string; ttl?: number | null } | null> => {
  if (timed && backend.getWithTtl !== undefined) {
    const found = await backend.getWithTtl(key)
    return found === null ? null : { value: found.value, ttl: ttlToJson(found.ttl) }
  }
  const value = await backend.get(key)
  return value === null ? null : { value }
}

const getOneWithTtl = async (backend: CacheBackend, key: string) => {
  const found = await getOne(backend, key, true)
  return found === null
    ? { values: [], rest: [] }
    : { values: [[key, found.value]], ttls: [found.ttl], rest: [] }
}

const valueIn = (value: unknown, maxValueBytes: number): string => {
  if (!isText(value)) throw new Refusal(400, 'value must be a text')
  if (Buffer.byteLength(value) > maxValueBytes)
    throw new Refusal(413, `a value has ${maxValueBytes} bytes at most`)
  return value
}

const ttlIn = (timeout: unknown): number => {
  const ttl = ttlFromJson(timeout)
  if (ttl === undefined)
    throw new Refusal(400, 'timeout must be a number of seconds above 0, or null for no expiry')
  return ttl
}

const keysIn = (body: unknown): readonly string[] => {
  const { keys } = membersOf(body)
  if (!isTextList(keys)) throw new Refusal(400, 'keys must be a list of texts')
  return keys
}

const tagsIn = (body: unknown): readonly string[] => {
  const { tags } = membersOf(body)
  if (!isTextList(tags)) throw new Refusal(400, 'tags must be a list of texts')
  return tags
}

const epochIn = (body: unknown): string | undefined => {
  const { epoch } = membersOf(body)
  if (epoch !== undefined && !isText(epoch)) throw new Refusal(400, 'epoch must be a text')
  return epoch
}

const batchRoutes = (backend: CacheBackend, maxValueBytes: number): Readonly<Record<string, Route>> => ({
  [paths.getMany]: {
    POST: async ({ body }) => {
      const keys = keysIn(body)
      const [key] = keys
      // A key that has no place in a path.
      if (membersOf(body).ttl === true && keys.length === 1 && key !== undefined)
        return ok(await getOneWithTtl(backend, key))
      return ok(await getBatch(backend, keys, maxValueBytes))
    },
  },
  [paths.setMany]: {
    POST: async ({ body }) => {
      const { entries, timeout } = membersOf(body)
      if (!Array.isArray(entries) || !entries.every(isPair))
        throw new Refusal(400, 'entries must be a list of pairs of texts')
      const ttl = ttlIn(timeout)
      for (const [, value] of entries) valueIn(value, maxValueBytes)
      return ok({ stored: await setBatch(backend, entries, ttl) })
    },
  },
  [paths.deleteMany]: {
    POST: async ({ body }) => {
      const keys = keysIn(body)
      if (backend.deleteMany !== undefined) return ok({ removed: await backend.deleteMany(keys) })
      return ok({ removed: await deleteEach(backend, keys) })
    },
  },
})

/** As many of the keys as an answer has room for, at least one; the others are to be asked for again. */
const getBatch = async (backend: CacheBackend, keys: readonly string[], maxValueBytes: number) => {
  const values: [string, string][] = []
  let bytes = 0
  let at = 0
  while (at < keys.length && bytes < maxValueBytes) {
    // One first, then more the smaller they are.
    const room = Math.floor((maxValueBytes - bytes) / Math.max(1, bytes / Math.max(1, at)))
    const asked = keys.slice(at, at + (at === 0 ? 1 : Math.max(1, Math.min(together, room))))
    const found = await getAll(backend, asked)
    for (const key of asked) {
      const value = found.get(key)
      const size = value === undefined ? 0 : Buffer.byteLength(value)
      if (at > 0 && bytes + size > maxValueBytes) return { values, rest: keys.slice(at) }
      if (value !== undefined) values.push([key, value])
      bytes += size
      at++
    }
  }
  return { values, rest: keys.slice(at) }
}

const getAll = async (
  backend: CacheBackend,
  keys: readonly string[],
): Promise<ReadonlyMap<string, string>> => {
  if (backend.getMany !== undefined) return backend.getMany(keys)
  const found = new Map<string, string>()
  await inTurn(keys, async (key) => {
    const value = await backend.get(key)
    if (value !== null) found.set(key, value)
  })
  return found
}

const setBatch = async (
  backend: CacheBackend,
  entries: readonly (readonly [string, string])[],
  ttl: number,
): Promise<number> => {
  if (backend.setMany !== undefined) return backend.setMany(entries, ttl)
  await inTurn(entries, ([key, value]) => backend.set(key, value, ttl))
  return entries.length
}

const isThere = async (backend: CacheBackend, key: string): Promise<boolean> =>
  backend.has === undefined ? (await backend.get(key)) !== null : backend.has(key)

const deleteEach = async (backend: CacheBackend, keys: readonly string[]): Promise<number> => {
  let removed = 0
  await inTurn(keys, async (key) => {
    if (await isThere(backend, key)) removed++
    await backend.delete(key)
  })
  return removed
}

const inTurn = async <T>(list: readonly T[], work: (each: T) => MaybePromise<void>): Promise<void> => {
  for (const each of list) await work(each)
}

const storeRoutes = (backend: CacheBackend): Readonly<Record<string, Route>> => ({
  [paths.keys]: {
    GET: async ({ query }) => {
      if (backend.keys === undefined) throw unsupported('list of keys')
      return { lines: backend.keys(query.get('pattern') ?? undefined) }
    },
  },
  [paths.clear]: {
    POST: async () => {
      if (backend.clear === undefined) throw unsupported('clear')
      return ok({ removed: await backend.clear() })
    },
  },
  // What it cannot prune it prunes itself, or never holds.
  [paths.prune]: { POST: async () => ok({ removed: (await backend.prune?.()) ?? 0 }) },
  [paths.stats]: { GET: async () => ok((await backend.stats?.())?.toJSON() ?? {}) },
  [paths.health]: {
    GET: async () => ok((await backend.health?.()) ?? { status: 'healthy', connected: true }),
  },
})

const tagRoutes = (tags: TagState): Readonly<Record<string, Route>> => ({
  [paths.tags]: { GET: async () => ok(await tags.head()) },
  [paths.readTags]: {
    POST: async ({ body }) => {
      const asked = tagsIn(body)
      const compared = epochIn(body)
      const counts = await tags.read(asked, compared)
      // Read afterwards: where another life has begun meanwhile, its name is what the client has to learn.
      const { epoch } = await tags.head()
      if (compared === undefined || compared === epoch) return ok({ counts, epoch })
      // Counts of another life say nothing of what was stamped in that one, which is over.
      return ok({ counts: asked.map(() => Number.MAX_SAFE_INTEGER), epoch })
    },
  },
  [paths.bumpTags]: { POST: async ({ body }) => ok({ seq: await tags.bump(tagsIn(body)) }) },
})
