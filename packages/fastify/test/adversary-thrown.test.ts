import { memory } from '@stowage/core'
import { request } from '@stowage/core/testing'
import { cachePlugin } from '@stowage/fastify'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import { majors } from './support.ts'

const failure = (more: object = {}): Error => Object.assign(new Error('on purpose'), more)

const ofItsOwn = (reply: FastifyReply, status: number): FastifyReply =>
  reply.code(status).header('cache-control', 'max-age=5')

interface Case {
  readonly fails?: (reply: FastifyReply) => unknown
  readonly setup?: (app: FastifyInstance) => unknown
  readonly declares?: Record<string, string>
  readonly status: number
}

const declared = { 'cache-control': 'max-age=60' }

const throwing = (error: Error) => (): never => {
  throw error
}

const answeringWith200 = (app: FastifyInstance): unknown =>
  app.setErrorHandler((_error, _request, reply) => reply.code(200).send('instead'))

const notStored: Readonly<Record<string, Case>> = {
  'is thrown': { status: 500 },
  'is sent': { fails: (reply) => reply.send(failure()), status: 500 },
  'has a status of its own': { fails: throwing(failure({ statusCode: 404 })), status: 404 },
  'has been declared fresh by Expires': {
    declares: { expires: 'Fri, 01 Jan 2100 00:00:00 GMT' },
    status: 500,
  },
  'an error handler answers with 200': { setup: answeringWith200, status: 200 },
  'an error handler answers with 200 where a ttl was said': {
    setup: answeringWith200,
    declares: {},
    fails: (reply) => {
      reply.request.cache.ttl('1m')
      throw failure()
    },
    status: 200,
  },
}

const stored: Readonly<Record<string, Case>> = {
  'has the field of an error handler': {
    setup: (app) => app.setErrorHandler((_error, _request, reply) => ofItsOwn(reply, 500).send('instead')),
    status: 500,
  },
  'brings its own field': {
    fails: throwing(failure({ headers: { 'cache-control': 'max-age=5' } })),
    status: 500,
  },
  'is listed by its status, and nothing has been declared': {
    declares: {},
    fails: throwing(failure({ statusCode: 404 })),
    status: 404,
  },
}

describe.each(majors)('$name: an error', ({ fastify }) => {
  const runsOf = async ({ fails = throwing(failure()), setup, declares = declared, status }: Case) => {
    const app = fastify({ forceCloseConnections: true })
    onTestFinished(() => app.close())
    await app.register(cachePlugin, { backend: memory(), status: { 404: '10s' } })
    setup?.(app)
    let runs = 0
    app.get('/', async (_request, reply) => {
      runs += 1
      reply.headers(declares)
      return fails(reply)
    })
    const url = `${await app.listen({ port: 0, host: '127.0.0.1' })}/`
    for (let round = 0; round < 2; round += 1) expect((await request(url)).status).toBe(status)
    return runs
  }

  test.each(Object.entries(notStored))(
    'that %s is not stored for as long as its handler said',
    async (_, given) => {
      expect(await runsOf(given)).toBe(2)
    },
  )

  test.each(Object.entries(stored))('that %s is stored', async (_, given) => {
    expect(await runsOf(given)).toBe(1)
  })
})
