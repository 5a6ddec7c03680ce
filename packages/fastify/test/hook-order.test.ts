import { request } from '@stowage/core/testing'
import { cachePlugin, type FastifyCacheOptions } from '@stowage/fastify'
import type { FastifyInstance } from 'fastify'
import { describe, expect, test } from 'vitest'
import { createApp, listen, statusOf } from './support.ts'

const kinds = [
  'onRequest',
  'preParsing',
  'preValidation',
  'preHandler',
  'preSerialization',
  'onSend',
] as const

const addHooks = (app: FastifyInstance, name: string, ran: string[]): void => {
  const note = (kind: string): void => void ran.push(`${kind} ${name}`)
  for (const kind of kinds)
    app.addHook(kind as 'onRequest', async (_request) => {
      note(kind)
    })
  app.addHook('onResponse', async () => note('onResponse'))
}

/** Hooks around the cache's instance, and in it before and after the cache; what has run for a hit. */
const ranForHit = async (options: FastifyCacheOptions): Promise<readonly string[]> => {
  const ran: string[] = []
  const app = createApp()
  addHooks(app, 'around', ran)
  await app.register(async (inside) => {
    addHooks(inside, 'before', ran)
    await inside.register(cachePlugin, { ttl: '1m', ...options })
    addHooks(inside, 'after', ran)
    inside.get('/a', async () => ({ text: 'a' }))
  })
  const url = `${await listen(app)}/a`
  await request(url)
  await expect.poll(() => ran.filter((each) => each.startsWith('onResponse')).length).toBe(3)
  ran.length = 0
  expect(statusOf(await request(url))).toMatch(/hit/)
  await expect.poll(() => ran.filter((each) => each.startsWith('onResponse')).length).toBe(3)
  return ran
}

const places = ['around', 'before', 'after']
const each = (kind: string): string[] => places.map((place) => `${kind} ${place}`)

describe('for a hit', () => {
  test('all onRequest hooks run, whenever they were registered, and those that see the answer', async () => {
    expect(await ranForHit({})).toEqual(['onRequest', 'onSend', 'onResponse'].flatMap(each))
  })

  test('all hooks up to preHandler run as well where the cache stands there', async () => {
    const before = ['onRequest', 'preParsing', 'preValidation', 'preHandler']
    expect(await ranForHit({ hook: 'preHandler' })).toEqual([...before, 'onSend', 'onResponse'].flatMap(each))
  })

  test('who is not let in at preHandler gets nothing of what is stored', async () => {
    const app = createApp()
    await app.register(cachePlugin, { ttl: '1m', hook: 'preHandler' })
    app.addHook('preHandler', async (incoming, reply) => {
      if (incoming.headers['x-user'] === undefined) await reply.code(401).send()
    })
    app.get('/a', async () => 'for members')
    const url = `${await listen(app)}/a`
    const headers = { 'x-user': 'me' }
    await request(url, { headers })
    expect(statusOf(await request(url, { headers }))).toMatch(/hit/)
    expect(await request(url)).toMatchObject({ status: 401, text: '' })
  })
})
