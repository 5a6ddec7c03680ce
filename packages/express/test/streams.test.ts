import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { PassThrough, Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { RequestHandler, Response } from 'express'
import { describe, expect, test } from 'vitest'
import { ask, expectSame, open } from './client.ts'
import { freshFor60s, thisFile } from './shapes.ts'
import { expresses, pause, type Runs, twins, until } from './support.ts'

const megabyte = 1024 * 1024
const bigSize = 20 * megabyte

/** Numbered blocks, so that a lost, doubled or exchanged one changes the digest. */
const block = (at: number): Buffer => {
  const piece = Buffer.alloc(64 * 1024, at % 251)
  piece.writeUInt32BE(at)
  return piece
}

const blocks = function* (size: number, made?: { bytes: number }): Generator<Buffer> {
  for (let at = 0; at * 64 * 1024 < size; at++) {
    const piece = block(at)
    if (made !== undefined) made.bytes += piece.length
    yield piece
  }
}

const digestOf = (size: number): string => {
  const hash = createHash('sha256')
  for (const piece of blocks(size)) hash.update(piece)
  return hash.digest('hex')
}

const responseTo = (port: number, path: string): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const request = open(port, path)
    request.on('response', resolve).on('error', reject)
    request.end()
  })

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Bytes in buffers that something still holds. */
const heldBytes = async (): Promise<number> => {
  collectGarbage()
  // Buffers are given back on another thread, a little later.
  await pause(2)
  collectGarbage()
  return process.memoryUsage().arrayBuffers
}

/** Reads with pauses, so that what is sent must wait. */
const readSlowly = async (response: IncomingMessage, betweenChunks: () => unknown): Promise<string> => {
  const hash = createHash('sha256')
  let chunks = 0
  for await (const chunk of response) {
    hash.update(chunk as Buffer)
    chunks++
    if (chunks % 16 === 0) await pause(1)
    if (chunks % 200 === 100) await betweenChunks()
  }
  return hash.digest('hex')
}

const upper = (): Transform =>
  new Transform({
    transform: (chunk: Buffer, _encoding, done) => done(null, chunk.toString('latin1').toUpperCase()),
  })

/** Ways of streaming into a response. */
const sources: readonly (readonly [title: string, stream: (response: Response) => unknown])[] = [
  ['pipe of a file', (response) => createReadStream(thisFile).pipe(response)],
  ['pipeline of a file', (response) => pipeline(createReadStream(thisFile), response)],
  ['pipeline through a transform', (response) => pipeline(createReadStream(thisFile), upper(), response)],
  ['pipe of strings', (response) => Readable.from(['ä', 'b', 'c'.repeat(100_000)]).pipe(response)],
  ['pipe of nothing', (response) => Readable.from([]).pipe(response)],
  ['pipe with small pieces', (response) => createReadStream(thisFile, { highWaterMark: 7 }).pipe(response)],
  [
    'pipe that does not end',
    (response) =>
      Readable.from(['a'])
        .on('end', () => response.end('z'))
        .pipe(response, { end: false }),
  ],
]

/** Writes as a careful handler does: waits for `drain`, and uses callbacks. */
const writeCarefully = async (
  response: Response,
  size: number,
  made: { bytes: number; waits: number },
): Promise<void> => {
  for (const piece of blocks(size)) {
    made.bytes += piece.length
    const more = response.write(piece)
    if (more) continue
    made.waits++
    await new Promise((resolve) => response.once('drain', resolve))
  }
  response.end()
}

describe.each(expresses)('$name: streams', ({ express }) => {
  test.each(sources)('a %s is the same with the cache and without', async (_, stream) => {
    const { bare, cached, runs } = await twins(express, (app, layer, counted) => {
      app.use(layer, freshFor60s)
      app.get('/', (_request, response) => {
        counted.add()
        return void stream(response)
      })
    })
    const expected = await ask(bare, '/')
    for (const turn of [1, 2]) expectSame(await ask(cached, '/'), expected, [], `${turn}`)
    expect(runs.of()).toBe(1)
  })

  test('20 MB to a slow reader: the source waits, memory stays, nothing is stored', async () => {
    const made = { bytes: 0, waits: 0 }
    const { bare, cached, runs } = await twins(express, (app, layer, counted) => {
      app.use(layer, freshFor60s)
      app.get('/', (_request, response) => {
        counted.add()
        made.bytes = 0
        return void writeCarefully(response, bigSize, made)
      })
    })
    const mostOf = async (port: number): Promise<number> => {
      const response = await responseTo(port, '/')
      // Nobody reads yet: what is made is what the buffers on the way hold.
      let stalled = -1
      const isStalled = (): boolean => {
        const same = made.bytes === stalled
        stalled = made.bytes
        return same
      }
      await expect.poll(isStalled, { interval: 50, timeout: 5000 }).toBe(true)
      expect(stalled).toBeLessThan(bigSize / 2)
      const before = await heldBytes()
      let most = 0
      const digest = await readSlowly(response, async () => {
        most = Math.max(most, (await heldBytes()) - before)
      })
      expect(digest).toBe(digestOf(bigSize))
      return most
    }
    const most = await mostOf(bare)
    expect(await mostOf(cached)).toBeLessThan(most + 14 * megabyte)
    expect(made.waits).toBeGreaterThan(0)
    expect((await responseTo(cached, '/')).destroy().headers['cache-status']).toContain('fwd=uri-miss')
    expect(runs.of()).toBe(2)
  })

  test('a body of the largest size that is stored is, and one byte more is not', async () => {
    const { cached, runs } = await twins(
      express,
      (app, layer, counted) => {
        app.use(layer, freshFor60s)
        app.get('/:size', (request, response) => {
          counted.add(request.path)
          const size = Number(request.params.size)
          const half = Math.floor(size / 2)
          response.write(Buffer.alloc(half, 1))
          response.end(Buffer.alloc(size - half, 2))
        })
      },
      { maxBodyBytes: 1000 },
    )
    for (const size of [999, 1000, 1001])
      for (const turn of [1, 2]) {
        const got = await ask(cached, `/${size}`)
        expect([got.body.length, got.body.filter((byte) => byte === 2).length]).toEqual([
          size,
          Math.ceil(size / 2),
        ])
        expect(runs.of(`/${size}`)).toBe(size > 1000 ? turn : 1)
      }
  })

  test('a hit of many megabytes waits for a slow reader', async () => {
    const size = 8 * megabyte
    const { cached, runs } = await twins(express, (app, layer, counted) => {
      app.use(layer, freshFor60s)
      app.get('/', (_request, response) => {
        counted.add()
        return void pipeline(blocks(size), response)
      })
    })
    const expected = digestOf(size)
    for (const turn of [1, 2]) {
      const digest = await readSlowly(await responseTo(cached, '/'), () => undefined)
      expect(digest, `${turn}`).toBe(expected)
    }
    expect(runs.of()).toBe(1)
  })

  test('callbacks of write and end are called in order, once each', async () => {
    const orders: string[][] = []
    const { bare, cached } = await twins(express, (app, layer) => {
      const order: string[] = []
      orders.push(order)
      app.use(layer, freshFor60s)
      app.get('/', (_request, response) => {
        response.write('a', () => void order.push('a'))
        response.write('b', 'utf8', () => void order.push('b'))
        response.on('finish', () => void order.push('finish'))
        response.end('c', () => void order.push('c'))
      })
    })
    for (const port of [bare, cached]) await ask(port, '/')
    await until(() => orders.every((order) => order.length === 4))
    expect(orders[1]).toEqual(orders[0])
  })

  test('a source that fails cuts the answer off, and nothing is stored', async () => {
    const failing = (): Readable =>
      Readable.from(
        (function* () {
          yield 'first'
          throw new Error('source')
        })(),
      )
    const { cached, runs } = await twins(express, (app, layer, counted) => {
      app.use(layer, freshFor60s)
      app.get('/pipeline', (_request, response) => {
        counted.add('/pipeline')
        void pipeline(failing(), response).catch(() => undefined)
      })
      app.get('/destroy', (_request, response) => {
        counted.add('/destroy')
        response.write('first', () => response.destroy())
      })
      app.get('/socket', (_request, response) => {
        counted.add('/socket')
        response.write('first', () => response.socket?.destroy())
      })
    })
    for (const path of ['/pipeline', '/destroy', '/socket'])
      for (const turn of [1, 2]) {
        await expect(ask(cached, path)).rejects.toThrow()
        expect(runs.of(path)).toBe(turn)
      }
  })

  test('an event stream reaches the client event by event, and two clients at a time', async () => {
    const { cached, runs } = await twins(
      express,
      (app, layer, counted) => {
        app.use(layer)
        app.get('/events', events(counted))
      },
      { ttl: 60 },
    )
    const first = await subscribe(cached)
    const second = await subscribe(cached)
    expect(runs.of()).toBe(2)
    for (const { answer } of [first, second]) {
      expect(answer.headers['content-type']).toContain('text/event-stream')
      expect(answer.headers['cache-status']).toContain('detail=stream')
      answer.destroy()
    }
  })

  test('progress that is flushed piece by piece is not held back', async () => {
    let more: () => void = () => undefined
    const { cached } = await twins(express, (app, layer) => {
      app.use(layer, freshFor60s)
      app.get('/', (_request, response) => {
        response.flushHeaders()
        more = () => void response.write('piece')
        response.on('close', () => undefined)
      })
    })
    const response = await responseTo(cached, '/')
    for (const turn of [1, 2, 3]) {
      const piece = new Promise<Buffer>((resolve) => response.once('data', resolve))
      more()
      expect(String(await piece), `${turn}`).toBe('piece')
    }
    response.destroy()
  })

  test('a client that has the stored content gets its 304, and the stream is stored', async () => {
    const { cached, runs } = await twins(express, (app, layer, counted) => {
      app.use(layer, freshFor60s)
      app.get('/', (_request, response) => {
        counted.add()
        response.set('ETag', '"v"')
        const source = new PassThrough()
        void pipeline(source, response)
        source.write('first ')
        setImmediate(() => source.end('second'))
      })
    })
    const conditional = await ask(cached, '/', { headers: { 'if-none-match': '"v"' } })
    expect([conditional.status, conditional.body.length]).toEqual([304, 0])
    const hit = await ask(cached, '/')
    expect([hit.text, hit.cache.includes('hit'), runs.of()]).toEqual(['first second', true, 1])
  })
})

/** Sends the next event only when the client has said that it has the one before. */
const received = new Map<string, () => void>()

const events =
  (runs: Runs): RequestHandler =>
  async (_request, response) => {
    const client = String(runs.add())
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'X-Client': client })
    for (const event of [1, 2, 3]) {
      response.write(`data: ${event}\n\n`)
      await new Promise<void>((resolve) => received.set(client, resolve))
    }
  }

const subscribe = async (port: number): Promise<{ answer: IncomingMessage }> => {
  const answer = await responseTo(port, '/events')
  const client = String(answer.headers['x-client'])
  for (const event of [1, 2]) {
    const data = await new Promise<Buffer>((resolve) => answer.once('data', resolve))
    expect(String(data)).toBe(`data: ${event}\n\n`)
    received.get(client)?.()
  }
  return { answer }
}
