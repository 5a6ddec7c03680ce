import type { BackendHealth, BackendStats, CacheBackend } from '../backend.ts'
import { CacheBackendError } from '../errors.ts'
import { unreachable } from '../health.ts'
import { type Gauges, gaugesIn, parseAnswer as parse, unintelligible } from './http-answers.ts'
import { type HttpAnswer, HttpClient } from './http-client.ts'
import type { HttpCall } from './http-connections.ts'
import type { HttpApiSettings } from './http-options.ts'
import { isText, membersOf, messageLimit, pathOfKey, paths, ttlFromJson, ttlToJson } from './http-protocol.ts'
import { type AskHttp, type FoundValue, findBatch, findValue } from './http-reads.ts'
import { HttpTags } from './http-tags.ts'
import { SharedCalls } from './shared-calls.ts'
import { StoreStats } from './store-stats.ts'

/** A batch has so many keys at most, that its answer may be there within the deadline. */
const batchSize = 100

/** `httpApi()`, with its options read. */
export class HttpStore implements CacheBackend {
  readonly name = 'http'
  readonly tags: HttpTags
  readonly #settings: HttpApiSettings
  readonly #client: HttpClient
  readonly #shared = new SharedCalls()
  readonly #ask: AskHttp = { call: (call) => this.#call(call), json: (call) => this.#json(call) }
  readonly #stats: StoreStats
  #gauges = gaugesIn({})
  #closed = false

  constructor(settings: HttpApiSettings) {
    this.#settings = settings
    this.#client = new HttpClient(settings)
    this.tags = new HttpTags((call) => this.#json(call))
    const gauges = (): Gauges => this.#gauges
    this.#stats = new StoreStats(this.name, {
      entries: () => gauges().entries,
      bytes: () => gauges().bytes,
      get maxEntries() {
        return gauges().maxEntries
      },
      get maxBytes() {
        return gauges().maxBytes
      },
    })
  }

  async connect(): Promise<void> {
    if (!this.#closed) await this.#json({ operation: 'connect', method: 'GET', path: paths.health })
  }

  async get(key: string): Promise<string | null> {
    const found = await this.#find(key, false)
    return this.#counted(found?.value)
  }

  async getWithTtl(key: string): Promise<{ value: string; ttl: number } | null> {
    const found = await this.#find(key, true)
    const value = this.#counted(found?.value)
    // What the store behind cannot tell is no time that anybody may rely on.
    return value === null ? null : { value, ttl: ttlFromJson(found?.ttl) ?? 0 }
  }

  async has(key: string): Promise<boolean> {
    if (this.#closed) return false
    const path = pathOfKey(key)
    if (path === undefined) return (await findBatch(this.#ask, [key])).values.length > 0
    return (await this.#call({ operation: 'has', method: 'HEAD', path })).status !== 404
  }

  async getMany(keys: readonly string[]): Promise<Map<string, string>> {
    const found = new Map<string, string>()
    if (this.#closed) return found
    for (let at = 0; at < keys.length; at += batchSize) {
      let asked: readonly string[] = keys.slice(at, at + batchSize)
      while (asked.length > 0) {
        const { values, rest } = await findBatch(this.#ask, asked)
        for (const [key, value] of values) found.set(key, value)
        asked = rest
      }
    }
    for (const key of keys) this.#counted(found.get(key))
    return found
  }

  async set(key: string, value: string, ttl: number): Promise<void> {
    await this.#store(key, value, ttl)
  }

  async setMany(entries: Iterable<readonly [string, string]>, ttl: number): Promise<number> {
    let stored = 0
    let batch: Promise<boolean>[] = []
    for (const [key, value] of entries) {
      batch.push(this.#store(key, value, ttl))
      if (batch.length < batchSize) continue
      stored += (await Promise.all(batch)).filter(Boolean).length
      batch = []
    }
    return stored + (await Promise.all(batch)).filter(Boolean).length
  }

  async delete(key: string): Promise<void> {
    if (this.#closed) return
    const path = pathOfKey(key)
    if (path === undefined) await this.deleteMany([key])
    else await this.#call({ operation: 'delete', method: 'DELETE', path })
    this.#stats.deletes++
  }

  async deleteMany(keys: readonly string[]): Promise<number> {
    let removed = 0
    for (let at = 0; at < keys.length && !this.#closed; at += batchSize) {
      const body = { keys: keys.slice(at, at + batchSize) }
      removed += await this.#removed('deleteMany', paths.deleteMany, body)
    }
    return removed
  }

  async clear(): Promise<number> {
    return this.#closed ? 0 : this.#removed('clear', paths.clear, {})
  }

  async prune(): Promise<number> {
    return this.#closed ? 0 : this.#removed('prune', paths.prune, {})
  }

  async *keys(pattern?: string): AsyncIterable<string> {
    if (this.#closed) return
    const query = pattern === undefined ? '' : `?pattern=${encodeURIComponent(pattern)}`
    for await (const line of this.#client.lines({
      operation: 'keys',
      method: 'GET',
      path: paths.keys + query,
    })) {
      const key = parse(line, 'keys')
      if (!isText(key)) throw unintelligible('keys')
      yield key
    }
  }

  /** Counters are those of this process, gauges those of the store behind the server. */
  async stats(): Promise<BackendStats> {
    if (this.#closed) return this.#stats
    this.#gauges = gaugesIn(await this.#json({ operation: 'stats', method: 'GET', path: paths.stats }))
    return this.#stats
  }

  async health(): Promise<BackendHealth> {
    if (this.#closed) return unreachable('closed')
    const began = performance.now()
    try {
      const { status } = await this.#json({ operation: 'health', method: 'GET', path: paths.health })
      const latencyMs = performance.now() - began
      if (status === 'healthy' || status === 'degraded') return { status, connected: true, latencyMs }
      return {
        status: 'unhealthy',
        connected: true,
        latencyMs,
        error: 'the store behind the server is not healthy',
      }
    } catch (error) {
      return unreachable(error instanceof CacheBackendError ? error.cause : error)
    }
  }

  close(): void {
    this.#closed = true
    this.tags.close()
    this.#client.close()
  }

  #counted(value: unknown): string | null {
    if (isText(value)) {
      this.#stats.hits++
      return value
    }
    this.#stats.misses++
    return null
  }

  async #find(key: string, timed: boolean): Promise<FoundValue | undefined> {
    if (this.#closed) return undefined
    return this.#shared.ask(`${timed ? 'ttl' : 'get'} ${key}`, () => findValue(this.#ask, key, timed))
  }

  async #store(key: string, value: string, ttl: number): Promise<boolean> {
    if (this.#closed) return false
    const timeout = ttlToJson(ttl)
    const path = pathOfKey(key)
    const body = JSON.stringify(
      path === undefined ? { entries: [[key, value]], timeout } : { value, timeout },
    )
    const { maxValueBytes } = this.#settings
    // Whatever was there is out of date now, even where its successor cannot be kept.
    if (
      !(ttl > 0) ||
      Buffer.byteLength(value) > maxValueBytes ||
      Buffer.byteLength(body) > messageLimit(maxValueBytes)
    ) {
      await this.delete(key)
      return false
    }
    const to =
      path === undefined
        ? ({ method: 'POST', path: paths.setMany } as const)
        : ({ method: 'PUT', path } as const)
    await this.#call({ operation: 'set', ...to, body })
    this.#stats.sets++
    return true
  }

  async #removed(operation: string, path: string, body: unknown): Promise<number> {
    const { removed } = await this.#json({ operation, method: 'POST', path, body: JSON.stringify(body) })
    if (typeof removed !== 'number') throw unintelligible(operation)
    return removed
  }

  async #json(call: HttpCall): Promise<Readonly<Record<string, unknown>>> {
    const { status, body } = await this.#call(call)
    if (status === 404) throw unintelligible(call.operation)
    return membersOf(parse(body, call.operation))
  }

  async #call(call: HttpCall): Promise<HttpAnswer> {
    try {
      return await this.#client.call(call)
    } catch (error) {
      // What was under way when it was closed has no other answer.
      if (!this.#closed) this.#stats.errors++
      throw error
    }
  }
}
