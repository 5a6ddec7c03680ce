import type { CacheBackend, TagState } from '../backend.ts'
import { createTagTable } from '../tag-table.ts'
import { keyInPath, membersOf, paths } from './http-protocol.ts'
import { epochIn, keysIn, pairsIn, tagsIn, ttlIn, valueIn } from './server-body.ts'
import { deleteBatch, getBatch, getOne, getOneWithTtl, isThere, setBatch } from './server-calls.ts'
import { ServerRefusal } from './server-refusal.ts'
import { allInvalid } from './tag-lives.ts'

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

const unsupported = (what: string): ServerRefusal =>
  new ServerRefusal(501, `the store behind the server has no ${what}`)

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
      const entries = pairsIn(body)
      const ttl = ttlIn(membersOf(body).timeout)
      for (const [, value] of entries) valueIn(value, maxValueBytes)
      return ok({ stored: await setBatch(backend, entries, ttl) })
    },
  },
  [paths.deleteMany]: {
    POST: async ({ body }) => ok({ removed: await deleteBatch(backend, keysIn(body)) }),
  },
})

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
      return ok({ counts: allInvalid(asked), epoch })
    },
  },
  [paths.bumpTags]: { POST: async ({ body }) => ok({ seq: await tags.bump(tagsIn(body)) }) },
})
