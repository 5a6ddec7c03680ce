import assert from 'node:assert/strict'
import { PassThrough, Readable } from 'node:stream'
import type { AdapterCase } from './adapter-case.ts'
import { createGate, expectResponse, numbered } from './adapter-case.ts'
import type { CaseHandler } from './case-app.ts'

const fields = { 'cache-control': 'max-age=60', 'content-type': 'text/plain; charset=utf-8' }

/** The first run answers with what `body` is written, the later ones with `whole`. */
const firstStreams =
  (body: Readable, whole = 'first second', headers = {}): CaseHandler =>
  (_, run) => ({ headers: { ...fields, ...headers }, body: run === 1 ? body : whole })

const closed = (stream: Readable): Promise<void> =>
  new Promise((resume) => stream.once('close', () => resume()))

const nextTurn = (): Promise<void> => new Promise((resume) => setImmediate(resume))

const pieces = (count: number, size: number): readonly Buffer[] =>
  Array.from({ length: count }, (_, index) => Buffer.alloc(size, index % 251))

const sent: readonly AdapterCase[] = [
  {
    name: 'a stream is sent as it comes, and stored when it has ended',
    run: async (open) => {
      const body = new PassThrough()
      const site = await open({ routes: [{ path: '/a', handler: firstStreams(body) }] })
      body.write('first ')
      const started = await site.open('/a')
      assert.equal(String(await started.read()), 'first ')
      body.end('second')
      expectResponse(await started.finish(), { text: 'second', cache: 'fwd=uri-miss stored' })
      expectResponse(await site.get('/a'), {
        text: 'first second',
        headers: { 'content-length': '12', 'transfer-encoding': undefined },
        cache: 'hit',
      })
    },
  },
  {
    name: 'a long stream arrives and is stored byte by byte',
    run: async (open) => {
      const chunks = pieces(64, 65_536)
      const whole = Buffer.concat([...chunks])
      const handler: CaseHandler = () => ({
        headers: { 'cache-control': 'max-age=60', 'content-type': 'application/octet-stream' },
        body: Readable.from(chunks),
      })
      const site = await open({ routes: [{ path: '/a', handler }] })
      for (const cache of ['fwd=uri-miss stored', 'hit']) {
        const response = await site.get('/a')
        expectResponse(response, { cache })
        assert.equal(response.body.equals(whole), true, `${cache}: ${response.body.length} bytes`)
      }
    },
  },
  {
    name: 'what is larger than the policy allows is sent whole and not stored',
    run: async (open) => {
      const handler: CaseHandler = (_, run) => ({
        headers: fields,
        body: run % 2 === 1 ? 'x'.repeat(1001) : Readable.from(['x'.repeat(600), 'x'.repeat(401)]),
      })
      const site = await open({ cache: { maxBodyBytes: 1000 }, routes: [{ path: '/a', handler }] })
      for (const run of [1, 2, 3, 4]) {
        expectResponse(await site.get('/a'), { text: 'x'.repeat(1001) })
        assert.equal(site.runs('/a'), run)
      }
    },
  },
  {
    name: 'an event stream reaches each client by itself and at once, and is never stored',
    run: async (open) => {
      const streams = [new PassThrough(), new PassThrough()]
      const site = await open({
        cache: { ttl: '1m' },
        routes: [
          {
            path: '/events',
            handler: (_, run) => ({
              headers: { 'content-type': 'text/event-stream' },
              body: streams[run - 1] ?? '',
            }),
          },
        ],
      })
      for (const [index, stream] of streams.entries()) {
        stream.write(`data: ${index}\n\n`)
        const started = await site.open('/events')
        assert.equal(String(await started.read()), `data: ${index}\n\n`)
        assert.match(String(started.headers['cache-status']), /detail=stream$/)
        const ended = closed(stream)
        started.destroy()
        await ended
      }
    },
  },
  {
    name: 'an empty stream is a response like any other',
    run: async (open) => {
      const site = await open({
        routes: [{ path: '/a', handler: () => ({ headers: fields, body: Readable.from([]) }) }],
      })
      for (const cache of ['fwd=uri-miss stored', 'hit'])
        expectResponse(await site.get('/a'), { text: '', cache })
    },
  },
]

/** Points at which a fill can end too early, by what has been written before. */
const points = [
  ['before its body', []],
  ['after a first piece', ['first ']],
  ['before its end', ['first ', 'second']],
] as const

const cutOff: readonly AdapterCase[] = [
  ...points.map(
    ([point, written]): AdapterCase => ({
      name: `a client that leaves ${point} leaves nothing stored`,
      run: async (open) => {
        const body = new PassThrough()
        const site = await open({ routes: [{ path: '/a', handler: firstStreams(body) }] })
        const leaving = new AbortController()
        const opening = site.open('/a', { signal: leaving.signal })
        const gone = assert.rejects(opening.then((started) => started.finish()))
        await site.started('/a', 1)
        const ended = closed(body)
        for (const piece of written) body.write(piece)
        // The head leaves with the first piece; before that the client goes while it waits for it.
        if (written.length > 0) await opening
        leaving.abort()
        await gone
        await ended
        expectResponse(await site.get('/a'), { text: 'first second', cache: 'fwd=uri-miss stored' })
        assert.equal(site.runs('/a'), 2)
      },
    }),
  ),
  ...points.map(
    ([point, written]): AdapterCase => ({
      name: `a stream that fails ${point} is cut off, and leaves nothing stored`,
      run: async (open) => {
        const body = new PassThrough()
        const site = await open({ routes: [{ path: '/a', handler: firstStreams(body) }] })
        const first = site.get('/a').then(
          ({ status }) => assert.ok(status >= 500, `status ${status}`),
          () => undefined,
        )
        await site.started('/a', 1)
        for (const piece of written) {
          body.write(piece)
          await nextTurn()
        }
        body.destroy(new Error('the source has failed'))
        await first
        expectResponse(await site.get('/a'), { text: 'first second', cache: 'fwd=uri-miss stored' })
        assert.equal(site.runs('/a'), 2)
      },
    }),
  ),
  {
    name: 'a client that leaves before the handler has answered leaves nothing stored',
    run: async (open) => {
      const gate = createGate()
      const handler: CaseHandler = async (origin, run) => {
        if (run === 1) await gate.passed
        return numbered()(origin, run)
      }
      const site = await open({ routes: [{ path: '/a', handler }] })
      const leaving = new AbortController()
      const first = site.request('GET', '/a', { signal: leaving.signal })
      await site.started('/a', 1)
      leaving.abort()
      await assert.rejects(first)
      expectResponse(await site.get('/a'), { text: 'run 2', cache: 'fwd=uri-miss stored' })
      gate.open()
      await site.settled(2)
      expectResponse(await site.get('/a'), { text: 'run 2', cache: 'hit' })
    },
  },
  {
    name: 'a body shorter than its Content-Length is not stored',
    run: async (open) => {
      const short = Readable.from(['first '])
      const site = await open({
        routes: [{ path: '/a', handler: firstStreams(short, 'first second', { 'content-length': '12' }) }],
      })
      await site.get('/a').catch(() => undefined)
      expectResponse(await site.get('/a'), { text: 'first second', cache: 'fwd=uri-miss stored' })
      assert.equal(site.runs('/a'), 2)
    },
  },
  {
    name: 'a handler that throws is answered as without the cache, and leaves nothing stored',
    run: async (open) => {
      const handler: CaseHandler = (origin, run) => {
        if (run < 3) throw new Error('the handler has failed')
        return numbered()(origin, run)
      }
      const site = await open({ cache: { ttl: '1m' }, routes: [{ path: '/a', handler }] })
      for (const run of [1, 2]) {
        expectResponse(await site.get('/a'), { status: 500 })
        assert.equal(site.runs('/a'), run)
      }
      expectResponse(await site.get('/a'), { text: 'run 3', cache: 'fwd=uri-miss stored' })
    },
  },
]

/** Bodies that come in pieces, and fills that end too early. */
export const streamCases: readonly AdapterCase[] = [...sent, ...cutOff]
