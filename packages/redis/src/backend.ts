import { type BackendHealth, type CacheBackend, matchesGlob, type TagState } from '@stowage/core'
import { compareAndDeleteScript, incrementScript, setIfOwnerScript } from './atomic.ts'
import { Channels } from './channels.ts'
import { type CommandArgument, isCluster, keyPrefixOf } from './client.ts'
import { within } from './connection.ts'
import { connectionFailure, failureOf } from './failure.ts'
import type { Link } from './link.ts'
import { createNames, type Names } from './names.ts'
import { literal, scan } from './scan.ts'
import { run, type Script } from './script.ts'
import { RedisCounters } from './stats.ts'
import { createTagState } from './tag-state.ts'

/** Operations of one call that are under way at the same time, at most. */
const slice = 1000
const longestFarewellMs = 2000
/** Some 30,000 years: beyond, Redis refuses the number. */
const mostMs = 1e15

/** Milliseconds that Redis keeps a value: whole, and 0 for no end. */
const lifetime = (ttl: number): number => (ttl * 1000 > mostMs ? 0 : Math.max(1, Math.ceil(ttl * 1000)))

const expiry = (ttl: number): readonly CommandArgument[] => {
  const ms = lifetime(ttl)
  return ms === 0 ? [] : ['PX', ms]
}

const text = (reply: unknown): string | null => {
  if (reply === null || typeof reply === 'string') return reply
  throw new TypeError(`Redis answered with ${typeof reply}, not with text`)
}

const count = (reply: unknown): number => {
  const number = Number(reply)
  if ((typeof reply === 'number' || typeof reply === 'string') && Number.isSafeInteger(number)) return number
  throw new TypeError(`Redis answered with ${typeof reply}, not with a number`)
}

/** Strings in Redis, by one link. What fails rejects, and is neither retried nor hurried: `resilient()` does that. */
export class RawRedis implements CacheBackend {
  readonly name = 'redis'
  readonly tags: TagState
  readonly #link: Link
  readonly #names: Names
  readonly #channels: Channels
  readonly #stats: RedisCounters
  readonly #pending = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  constructor(link: Link, namespace: string, maxTags: number) {
    this.#link = link
    this.#names = createNames(namespace)
    this.#channels = new Channels(() => link.subscriber())
    this.#stats = new RedisCounters(() => link)
    const tags = createTagState({
      key: this.#names.state,
      maxTags,
      connection: () => link.connection(),
      suspect: () => link.suspect(),
    })
    this.tags = {
      head: () => this.#counted('tags.head', async () => tags.head()),
      read: (names) => this.#counted('tags.read', async () => tags.read(names)),
      bump: (names) => this.#counted('tags.bump', async () => tags.bump(names)),
    }
  }

  async connect(): Promise<void> {
    if (!this.#closed) await this.#counted('connect', () => this.#link.connection().open())
  }

  async get(key: string): Promise<string | null> {
    if (this.#closed) return null
    const value = await this.#counted('get', async () =>
      text(await this.#send('GET', this.#names.entry(key))),
    )
    if (value === null) this.#stats.misses++
    else this.#stats.hits++
    return value
  }

  async set(key: string, value: string, ttl: number): Promise<void> {
    if (this.#closed) return
    if (!(ttl > 0)) return this.delete(key)
    await this.#counted('set', () => this.#send('SET', this.#names.entry(key), value, ...expiry(ttl)))
    this.#stats.sets++
  }

  async delete(key: string): Promise<void> {
    if (!this.#closed) await this.#counted('delete', () => this.#unlink(key))
  }

  async has(key: string): Promise<boolean> {
    if (this.#closed) return false
    return this.#counted('has', async () => count(await this.#send('EXISTS', this.#names.entry(key))) > 0)
  }

  async getWithTtl(key: string): Promise<{ value: string; ttl: number } | null> {
    if (this.#closed) return null
    const name = this.#names.entry(key)
    const read = (): Promise<unknown[]> => Promise.all([this.#send('PTTL', name), this.#send('GET', name)])
    const [left, reply] = await this.#counted('getWithTtl', read)
    const [ms, value] = [count(left), text(reply)]
    // -2: gone between the two, or before.
    if (value === null || ms === -2) {
      this.#stats.misses++
      return null
    }
    this.#stats.hits++
    return { value, ttl: ms < 0 ? Number.POSITIVE_INFINITY : ms / 1000 }
  }

  async getMany(keys: readonly string[]): Promise<Map<string, string>> {
    const found = new Map<string, string>()
    if (this.#closed) return found
    await this.#counted('getMany', () =>
      this.#each(keys, async (key) => {
        const value = text(await this.#send('GET', this.#names.entry(key)))
        if (value !== null) found.set(key, value)
      }),
    )
    this.#stats.hits += found.size
    this.#stats.misses += new Set(keys).size - found.size
    return found
  }

  async setMany(entries: Iterable<readonly [string, string]>, ttl: number): Promise<number> {
    const all = [...new Map(entries)]
    if (this.#closed || !(ttl > 0)) return 0
    await this.#counted('setMany', () =>
      this.#each(all, ([key, value]) => this.#send('SET', this.#names.entry(key), value, ...expiry(ttl))),
    )
    this.#stats.sets += all.length
    return all.length
  }

  async deleteMany(keys: readonly string[]): Promise<number> {
    if (this.#closed) return 0
    let removed = 0
    await this.#counted('deleteMany', () =>
      this.#each(keys, async (key) => {
        const one = await this.#unlink(key)
        removed += one
      }),
    )
    return removed
  }

  async *keys(pattern = '*'): AsyncIterable<string> {
    const seen = new Set<string>()
    for await (const names of this.#scan(pattern)) {
      for (const name of names) {
        if (seen.has(name) || !matchesGlob(pattern, name)) continue
        seen.add(name)
        yield name
      }
    }
  }

  async clear(): Promise<number> {
    if (this.#closed) return 0
    let removed = 0
    for await (const keys of this.#scan('*')) {
      const some = await this.deleteMany(keys)
      removed += some
    }
    return removed
  }

  /** Redis drops what has expired by itself. */
  prune(): number {
    return 0
  }

  increment(key: string, ttl = Number.POSITIVE_INFINITY): Promise<number> {
    return this.#script('increment', incrementScript, [key], [lifetime(ttl)])
  }

  async setIfAbsent(key: string, value: string, ttl: number): Promise<boolean> {
    const set = () => this.#send('SET', this.#names.entry(key), value, ...expiry(ttl), 'NX')
    const done = (await this.#counted('setIfAbsent', set)) === 'OK'
    if (done) this.#stats.sets++
    return done
  }

  async compareAndDelete(key: string, expected: string): Promise<boolean> {
    return (await this.#script('compareAndDelete', compareAndDeleteScript, [key], [expected])) === 1
  }

  async setIfOwner(
    key: string,
    value: string,
    ttl: number,
    leaseKey: string,
    token: string,
  ): Promise<boolean> {
    const args = [value, lifetime(ttl), token]
    if (!isCluster(this.#link.connection().client))
      return (await this.#script('setIfOwner', setIfOwnerScript, [key, leaseKey], args)) === 1
    // The two lie on different nodes, which no script can reach together. An entry that is set between the end of a
    // lease and its next owner's is stamped, so that no invalidation is undone by it.
    const holder = () => this.#send('GET', this.#names.entry(leaseKey))
    if ((await this.#counted('setIfOwner', holder)) !== token) return false
    await this.set(key, value, ttl)
    return true
  }

  async publish(channel: string, message: string): Promise<void> {
    const name = this.#names.channel(channel)
    if (!this.#closed) await this.#counted('publish', () => this.#send('PUBLISH', name, message))
  }

  async subscribe(
    channel: string,
    on: (message: string) => void,
    onLost?: () => void,
  ): Promise<() => Promise<void>> {
    if (this.#closed) return async () => undefined
    return this.#channels.subscribe(this.#names.channel(channel), { on, onLost })
  }

  stats(): RedisCounters {
    return this.#stats
  }

  async health(): Promise<BackendHealth> {
    if (this.#closed) return { status: 'unhealthy', connected: false, error: 'closed' }
    const start = performance.now()
    try {
      await this.#counted('health', () => this.#send('PING'))
      return { status: 'healthy', connected: true, latencyMs: performance.now() - start }
    } catch (error) {
      return {
        status: 'unhealthy',
        connected: this.#link.connected,
        error: failureOf('health', error).message,
      }
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  get #closed(): boolean {
    return this.#closing !== undefined
  }

  /** What was begun is let finish: an answer in hand is no reason to lose the entry made of it. */
  async #end(): Promise<void> {
    await this.#channels.close()
    await within(longestFarewellMs, Promise.allSettled([...this.#pending]))
    await this.#link.close()
  }

  #send(command: string, ...args: CommandArgument[]): Promise<unknown> {
    return this.#link.connection().send(command, ...args)
  }

  async #unlink(key: string): Promise<number> {
    const removed = count(await this.#send('UNLINK', this.#names.entry(key)))
    this.#stats.deletes += removed
    return removed
  }

  #script(operation: string, script: Script, keys: string[], args: CommandArgument[]): Promise<number> {
    const names = keys.map((key) => this.#names.entry(key))
    return this.#counted(operation, async () =>
      count(await run(this.#link.connection(), script, names, args)),
    )
  }

  /** Runs one operation: counted, waited for by `close()`, and its failure named. */
  async #counted<T>(operation: string, act: () => Promise<T>): Promise<T> {
    if (this.#closed) throw connectionFailure(operation, 'the backend is closed')
    this.#stats.totalOperations++
    const running = act()
    this.#pending.add(running)
    try {
      return await running
    } catch (error) {
      this.#stats.errors++
      throw failureOf(operation, error)
    } finally {
      this.#pending.delete(running)
    }
  }

  async #each<T>(items: readonly T[], act: (item: T) => Promise<unknown>): Promise<void> {
    for (let at = 0; at < items.length; at += slice) await Promise.all(items.slice(at, at + slice).map(act))
  }

  /** The keys that may match, without what stands before them in Redis. */
  async *#scan(pattern: string): AsyncGenerator<readonly string[]> {
    if (this.#closed) return
    const connection = this.#link.connection()
    const prefix = keyPrefixOf(connection.client) + this.#names.prefix
    // For Redis `?` is one byte, for whoever wrote the pattern one character.
    const within = pattern.split(/([*?])/).map((part) => (/^[*?]$/.test(part) ? '*' : literal(part)))
    for await (const names of scan(connection, literal(prefix) + within.join('')))
      yield names.map((name) => name.slice(prefix.length))
  }
}
