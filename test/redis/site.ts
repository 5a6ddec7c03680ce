import { Agent, createServer, get } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { type CacheBackend, isPromise } from '@stowage/core'
import { cacheMiddleware, type ExpressCache } from '@stowage/express'

// The package's own: the workspace has no Express of its own.
const express = createRequire(new URL('../../packages/express/package.json', import.meta.url))(
  'express',
) as typeof import('express')

/** One answer, and how long it took from when it was due. */
export interface Answered {
  readonly path: string
  readonly status: number
  readonly body: string
  readonly cacheStatus: string
  /** When it was asked for, by `performance.now()`. */
  readonly at: number
  readonly ms: number
}

/** An Express application with the cache in front of a handler that says what it was asked for. */
export interface Site {
  readonly backend: CacheBackend
  readonly cache: ExpressCache
  /** Codes of the failures that were absorbed. */
  readonly errors: ReadonlyMap<string, number>
  ask(path: string): Promise<Answered>
  end(): Promise<void>
}

/** `versions` are those of the items that the handler knows. */
export const serveSite = async (
  backend: CacheBackend,
  versions: ReadonlyMap<string, number> = new Map(),
): Promise<Site> => {
  const cache = cacheMiddleware({ backend, ttl: '10m' })
  const errors = new Map<string, number>()
  cache.on('error', ({ code }) => errors.set(code, (errors.get(code) ?? 0) + 1))
  const app = express()
  let runs = 0
  app.use(cache)
  app.get(
    '/items/:id',
    cache.route({ tags: (view) => [`item:${view.url.pathname.split('/')[2]}`] }),
    (req, res) => {
      runs++
      const version = versions.get(String(req.params.id)) ?? 0
      res.json({ path: req.originalUrl, run: runs, version, filling: 'x'.repeat(4000) })
    },
  )
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const agent = new Agent({ keepAlive: true, maxSockets: 256 })
  return {
    backend,
    cache,
    errors,
    ask: (path) => ask(agent, port, path),
    end: async () => {
      agent.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await cache.close()
    },
  }
}

const ask = (agent: Agent, port: number, path: string): Promise<Answered> => {
  const start = performance.now()
  return new Promise((resolve, reject) => {
    // All sites are one to their users, and so are their entries.
    const headers = { host: 'shop.example' }
    const request = get({ agent, port, path, host: '127.0.0.1', headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const { statusCode: status = 0, headers } = response
        const body = Buffer.concat(chunks).toString()
        const cacheStatus = String(headers['cache-status'] ?? '')
        resolve({ path, status, body, cacheStatus, at: start, ms: performance.now() - start })
      })
    })
    request.on('error', reject)
  })
}

export interface LoadResult {
  readonly answers: readonly Answered[]
  /** What the machine held up this process for at most: no fault of the cache. */
  readonly stallMs: number
}

/** Requests sent whether or not earlier ones are answered. */
export interface Load {
  /** All answers up to now, those to come included. */
  stop(): Promise<LoadResult>
}

const perSecond = 100
const keys = 40

/** Asks for a few known paths, and every fifth time for a new one. */
export const startLoad = (site: Site): Load => {
  const begun: Promise<Answered>[] = []
  const start = performance.now()
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  let due = 0
  const timer = setInterval(() => {
    // What a late timer has missed is sent now: the clients do not wait for the server.
    for (; due < ((performance.now() - start) / 1000) * perSecond; due++) {
      const path = due % 5 === 0 ? `/items/new-${start}-${due}` : `/items/${(due * 7) % keys}`
      const answer = site.ask(path)
      answer.catch(() => undefined)
      begun.push(answer)
    }
  }, 5)
  return {
    stop: async () => {
      clearInterval(timer)
      const answers = await Promise.all(begun)
      delay.disable()
      return { answers, stallMs: delay.max / 1e6 }
    },
  }
}

/** Answers that are not what the handler says to their request. */
export const wrongAmong = (answers: readonly Answered[]): readonly Answered[] =>
  answers.filter(({ status, body, path }) => {
    if (status !== 200) return true
    const said = JSON.parse(body) as { path: string; filling: string }
    return said.path !== path || said.filling.length !== 4000
  })

export const isHit = ({ cacheStatus }: Answered): boolean => /(?:^|, |; )hit\b/.test(cacheStatus)

/** Milliseconds until what one site has stored is a hit at another: the store is shared again. */
export const untilShared = async (one: Site, other: Site, ms = 15_000): Promise<number> => {
  const start = performance.now()
  for (let attempt = 0; performance.now() - start < ms; attempt++) {
    const path = `/items/shared-${start}-${attempt}`
    const first = JSON.parse((await one.ask(path)).body) as { run: number }
    // It is stored when the answer has been sent.
    await new Promise((resolve) => setTimeout(resolve, 20))
    const found = await other.ask(path)
    // The other site's handler has counted its own runs: only an entry of the first can be the answer.
    if (isHit(found) && (JSON.parse(found.body) as { run: number }).run === first.run) {
      return performance.now() - start
    }
  }
  throw new Error(`nothing is shared within ${ms} ms`)
}

export const circuitOf = async (site: Site): Promise<string> => {
  const stats = site.backend.stats?.()
  const known = isPromise(stats) ? await stats : stats
  return String((known as { circuit?: string } | undefined)?.circuit)
}
