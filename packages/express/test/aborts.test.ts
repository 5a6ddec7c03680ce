import type { ClientRequest, IncomingMessage } from 'node:http'
import { memory } from '@stowage/core'
import { asyncBackend, chaosBackend } from '@stowage/core/testing'
import type { Request, Response } from 'express'
import { describe, expect, test } from 'vitest'
import { ask, open } from './client.ts'
import { freshFor60s } from './shapes.ts'
import { expresses, makeCache, Runs, serve, twins, until } from './support.ts'

interface Doomed {
  readonly request: ClientRequest
  readonly head: Promise<IncomingMessage>
}

/** A request that is given up; what becomes of it is of no interest. */
const doomed = (port: number, path: string): Doomed => {
  const request = open(port, path)
  const head = new Promise<IncomingMessage>((resolve) =>
    request.on('response', (response) => {
      response.on('error', () => undefined)
      resolve(response)
    }),
  )
  request.on('error', () => undefined)
  request.end()
  return { request, head }
}

/** Handlers that stop at a gate, and the moment at which the client leaves. */
class Gates {
  readonly #open = new Map<string, () => void>()

  wait(name: string): Promise<void> {
    return new Promise((resolve) => this.#open.set(name, resolve))
  }

  has(name: string): boolean {
    return this.#open.has(name)
  }

  release(name: string): void {
    this.#open.get(name)?.()
    this.#open.delete(name)
  }
}

const moments = ['before the head', 'after the head', 'in the body', 'before the end'] as const

/** A handler in four steps. */
const inSteps = async (
  request: Request,
  response: Response,
  gates: Gates,
  events: string[],
): Promise<void> => {
  request.on('close', () => events.push('request close'))
  request.on('aborted', () => events.push('aborted'))
  response.on('close', () => events.push(`close ${response.writableFinished}`))
  response.on('finish', () => events.push('finish'))
  await gates.wait('before the head')
  response.writeHead(200).flushHeaders()
  await gates.wait('after the head')
  response.write('first ')
  await gates.wait('in the body')
  response.write('second ')
  await gates.wait('before the end')
  response.end('last')
}

const passAll = async (gates: Gates): Promise<void> => {
  for (const moment of moments) {
    await until(() => gates.has(moment), moment)
    gates.release(moment)
  }
}

describe.each(expresses)('$name: clients that leave', ({ express }) => {
  test.each(moments)('%s: nothing is stored, and the next client gets all of it', async (moment) => {
    const all: { gates: Gates; events: string[] }[] = []
    const { bare, cached, runs } = await twins(express, (app, layer, counted) => {
      const own = { gates: new Gates(), events: [] as string[] }
      all.push(own)
      app.use(layer, freshFor60s)
      app.get('/', (request, response) => {
        counted.add()
        return void inSteps(request, response, own.gates, own.events)
      })
    })
    const orders: string[][] = []
    for (const [port, { gates, events }] of [
      [bare, all[0] as (typeof all)[number]],
      [cached, all[1] as (typeof all)[number]],
    ] as const) {
      const { request, head } = doomed(port, '/')
      for (const passed of moments.slice(0, moments.indexOf(moment))) {
        await until(() => gates.has(passed), passed)
        gates.release(passed)
      }
      await until(() => gates.has(moment), moment)
      if (moment !== 'before the head') await head
      request.destroy()
      await until(() => events.includes('close false'), 'close')
      for (const left of moments.slice(moments.indexOf(moment))) {
        await until(() => gates.has(left), left)
        gates.release(left)
      }
      orders.push(events.splice(0).sort())
      const next = ask(port, '/')
      await passAll(gates)
      expect((await next).text).toBe('first second last')
    }
    expect(orders[1]).toEqual(orders[0])
    expect(runs.of()).toBe(2)
    expect((await ask(cached, '/')).cache).toMatch(/^stowage; hit/)
  })

  test('the next in line takes the place of a client that leaves', async () => {
    const { cached, cache, runs } = await twins(express, (app, layer, counted) => {
      const gates = new Gates()
      gatesOf.set(counted, gates)
      app.use((_request, _response, next) => {
        counted.add('arrived')
        next()
      })
      app.use(layer, freshFor60s)
      app.get('/', async (_request, response) => {
        const run = counted.add()
        await gates.wait(`run ${run}`)
        response.send(`run ${run}`)
      })
    })
    const gates = gatesOf.get(runs) as Gates
    const leader = doomed(cached, '/')
    await until(() => runs.of() === 1)
    const waiting = [1, 2, 3].map(() => ask(cached, '/'))
    const leaving = doomed(cached, '/')
    await until(() => gates.has('run 1') && runs.of('arrived') === 5)
    leaving.request.destroy()
    leader.request.destroy()
    await until(() => runs.of() === 2, 'successor')
    gates.release('run 1')
    gates.release('run 2')
    const answers = await Promise.all(waiting)
    expect(answers.map(({ text }) => text)).toEqual(['run 2', 'run 2', 'run 2'])
    expect(answers.filter(({ cache: status }) => status.includes('collapsed'))).toHaveLength(2)
    expect(runs.of()).toBe(2)
    expect(cache.stats().stored).toBe(1)
  })

  test('a client that leaves before a slow store has answered runs no handler', async () => {
    const app = express()
    const backend = chaosBackend(memory(), { hangRate: 1, only: ['get'] })
    const runs = new Runs()
    app
      .use(makeCache({ backend, ttl: 60 }))
      .get('/', (_request, response) => void response.send(`${runs.add()}`))
    let closed = 0
    const port = await serve(
      express().use((request, response, next) => {
        response.on('close', () => closed++)
        app(request, response, next)
      }),
    )
    const { request } = doomed(port, '/')
    await until(() => backend.chaos.hanging > 0)
    request.destroy()
    await until(() => closed === 1)
    backend.chaos.set({ hangRate: 0 })
    backend.chaos.release()
    expect((await ask(port, '/')).text).toBe('1')
    expect((await ask(port, '/')).cache).toMatch(/^stowage; hit/)
    expect(runs.of()).toBe(1)
  })

  test('a client that leaves in the middle of a hit leaves the entry whole', async () => {
    const app = express()
    const runs = new Runs()
    const body = Buffer.alloc(5_000_000, 'hit')
    app.use(makeCache({ backend: asyncBackend(memory()), ttl: 60 }))
    app.get('/', (_request, response) => {
      runs.add()
      response.end(body)
    })
    const port = await serve(app)
    await ask(port, '/')
    for (const turn of [1, 2, 3]) {
      const { request, head } = doomed(port, '/')
      const response = await head
      await new Promise((resolve) => response.once('data', resolve))
      request.destroy()
      const whole = await ask(port, '/')
      expect(whole.body.equals(body), `${turn}`).toBe(true)
      expect(whole.cache).toMatch(/^stowage; hit/)
    }
    expect(runs.of()).toBe(1)
  })
})

const gatesOf = new WeakMap<Runs, Gates>()
