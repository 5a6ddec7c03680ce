import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { type OriginAnswer, request, type TestRoute } from '@stowage/core/testing'
import { expect, onTestFinished, test } from 'vitest'
import { Koa2, Koa3 } from '../../packages/koa/test/koa.ts'
import { express4, express5, serveExpress } from './express.ts'
import { fastify4, fastify5, serveFastify } from './fastify.ts'
import { serveKoa } from './koa.ts'
import { serveNode } from './node.ts'

const servers = {
  'Express 5': serveExpress(express5),
  'Express 4': serveExpress(express4),
  'Koa 3': serveKoa(Koa3),
  'Koa 2': serveKoa(Koa2),
  'Fastify 5': serveFastify(fastify5),
  'Fastify 4': serveFastify(fastify4),
  'Fastify 5 at preHandler': serveFastify(fastify5, 'application', 'preHandler'),
  'node:http': serveNode(),
}

const createGate = (): { readonly passed: Promise<void>; readonly open: () => void } => {
  let open = (): void => undefined
  const passed = new Promise<void>((resolve) => (open = resolve))
  return { passed, open: () => open() }
}

/** The connection of the request that comes next. */
const nextSocket = (): Promise<Socket> =>
  new Promise((resolve) => {
    const channel = 'http.server.request.start'
    const take = (message: unknown): void => {
      unsubscribe(channel, take)
      resolve((message as { readonly socket: Socket }).socket)
    }
    subscribe(channel, take)
  })

const ways: Readonly<Record<string, Omit<TestRoute, 'handler'>>> = {
  'to the same URL': { method: 'POST', path: '/items' },
  'of a route that says what it changes': {
    method: 'PUT',
    path: '/other',
    invalidates: { tags: ['items'] },
  },
}

test.each(
  Object.entries(servers).flatMap(([name, serve]) =>
    // In front of a listener there are no routes.
    Object.entries(ways)
      .slice(0, name === 'node:http' ? 1 : 2)
      .map(([way, change]) => ({ name, serve, way, change })),
  ),
)('$name: a change $way invalidates, also where its client leaves before the answer', async (row) => {
  const seen = { version: 0, changed: createGate(), answer: createGate() }
  const change = async (): Promise<OriginAnswer> => {
    seen.version += 1
    seen.changed.open()
    await seen.answer.passed
    return { status: 204 }
  }
  const read = async (): Promise<OriginAnswer> => ({ body: `version ${seen.version}` })
  const { url, close } = await row.serve({
    cache: { ttl: '5m' },
    outer: () => ({}),
    routes: [
      { method: 'GET', path: '/items', policy: { ttl: '5m', tags: ['items'] }, handler: read },
      { ...row.change, handler: change },
    ],
  })
  onTestFinished(close)
  await request(`${url}/items`)
  expect((await request(`${url}/items`)).headers['cache-status']).toMatch(/hit/)
  const socket = nextSocket()
  const leaving = new AbortController()
  const { method, path } = row.change
  const asked = request(`${url}${path}`, { method, signal: leaving.signal }).catch(() => 'left')
  await seen.changed.passed
  const closed = once(await socket, 'close')
  leaving.abort()
  expect(await asked).toBe('left')
  await closed
  seen.answer.open()
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect((await request(`${url}/items`)).text).toBe('version 1')
})
