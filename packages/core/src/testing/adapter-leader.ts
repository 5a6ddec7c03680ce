import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import type { FieldMap } from '@stowage/core'
import type { OriginAnswer } from './adapter-app.ts'
import type { AdapterCase } from './adapter-case.ts'
import { createGate, expectResponse } from './adapter-case.ts'
import type { TestResponse } from './adapter-client.ts'
import type { Site } from './adapter-site.ts'
import type { CaseHandler } from './case-app.ts'

const fields = { 'cache-control': 'max-age=60', 'content-type': 'text/plain; charset=utf-8' }
const whole = 'x'.repeat(600)

/** A first answer that begins well: followers wait for it until something goes wrong. */
interface Loss {
  readonly how: string
  readonly headers?: FieldMap
  /** What the first run answers when it is let go; the body is still open then. */
  readonly answer: (body: PassThrough) => OriginAnswer
  readonly after?: (body: PassThrough) => void
  /** Whether the first client has a complete answer all the same. */
  readonly complete: boolean
  /** Also answered with `headers` in later runs: nobody may share any of them. */
  readonly lasting?: boolean
}

const losses: readonly Loss[] = [
  {
    how: 'fails',
    answer: () => {
      throw new Error('the handler has failed')
    },
    complete: false,
  },
  { how: 'answers with an error', answer: () => ({ status: 503, body: 'down' }), complete: false },
  {
    how: 'is cut off amid its body',
    answer: (body) => ({ headers: fields, body }),
    after: (body) => {
      body.write(whole)
      setImmediate(() => body.destroy(new Error('the source has failed')))
    },
    complete: false,
  },
  {
    how: 'is shorter than its Content-Length',
    answer: (body) => ({ headers: { ...fields, 'content-length': '700' }, body }),
    after: (body) => void body.end(whole),
    complete: false,
  },
  {
    how: 'is too large to be stored',
    answer: (body) => ({ headers: fields, body }),
    after: (body) => {
      body.write(whole)
      setImmediate(() => body.end(whole))
    },
    complete: true,
  },
  {
    how: 'is private',
    headers: { 'cache-control': 'private, max-age=60' },
    answer: () => ({ headers: { ...fields, 'cache-control': 'private, max-age=60' }, body: whole }),
    complete: true,
    lasting: true,
  },
  {
    how: 'sets a cookie',
    headers: { 'set-cookie': 'sid=1' },
    answer: () => ({ headers: { ...fields, 'set-cookie': 'sid=1' }, body: whole }),
    complete: true,
    lasting: true,
  },
  {
    how: 'is an event stream',
    answer: (body) => ({ headers: { ...fields, 'content-type': 'text/event-stream' }, body }),
    after: (body) => void body.write('data: 1\n\n'),
    complete: false,
  },
]

/** Followers of a first request that waits in its handler. */
const lead = async (site: Site, count: number, signal?: AbortSignal) => {
  const first = site.request('GET', '/a', signal === undefined ? {} : { signal }).then(
    (response): TestResponse | undefined => response,
    () => undefined,
  )
  await site.started('/a', 1)
  const followers = site.getAll(Array.from({ length: count }, () => '/a'))
  await site.settled(count + 1)
  assert.equal(site.runs('/a'), 1)
  return { first, followers }
}

const lost: readonly AdapterCase[] = losses.map(({ how, headers, answer, after, complete, lasting }) => ({
  name: `who waits for a response that ${how} gets a whole one`,
  run: async (open) => {
    const gate = createGate()
    const body = new PassThrough()
    const handler: CaseHandler = async (_, run) => {
      if (run > 1) return { headers: { ...fields, ...headers }, body: `run ${run}` }
      await gate.passed
      const answered = answer(body)
      setImmediate(() => after?.(body))
      return answered
    }
    const site = await open({ cache: { maxBodyBytes: 1000 }, routes: [{ path: '/a', handler }] })
    const { first, followers } = await lead(site, 4)
    gate.open()
    const answers = await followers
    for (const response of answers) {
      expectResponse(response, {}, how)
      assert.match(response.text, /^run [2-5]$/, how)
    }
    if (lasting === true) assert.equal(new Set(answers.map(({ text }) => text)).size, 4)
    body.destroy()
    assert.equal((await first)?.status === 200, complete, how)
    assert.match((await site.get('/a')).text, /^run [2-6]$/)
  },
}))

/** The request that others wait for comes to nothing. */
export const leaderCases: readonly AdapterCase[] = [
  ...lost,
  {
    name: 'when the client of the request that others wait for leaves, one of them takes its place',
    run: async (open) => {
      const gates = [createGate(), createGate()]
      const handler: CaseHandler = async (_, run) => {
        await gates[run - 1]?.passed
        return { headers: fields, body: `run ${run}` }
      }
      const site = await open({ routes: [{ path: '/a', handler }] })
      const leaving = new AbortController()
      const { first, followers } = await lead(site, 4, leaving.signal)
      leaving.abort()
      assert.equal(await first, undefined)
      await site.started('/a', 2)
      gates[1]?.open()
      for (const response of await followers) expectResponse(response, { text: 'run 2' })
      gates[0]?.open()
      assert.equal(site.runs('/a'), 2)
      expectResponse(await site.get('/a'), { text: 'run 2', cache: 'hit' })
    },
  },
  {
    name: 'when one client after another leaves, the last one is answered',
    run: async (open) => {
      const gate = createGate()
      const handler: CaseHandler = async (_, run) => {
        if (run < 4) await gate.passed
        return { headers: fields, body: `run ${run}` }
      }
      const site = await open({ routes: [{ path: '/a', handler }] })
      const leaving = [new AbortController(), new AbortController(), new AbortController()]
      const gone: Promise<unknown>[] = []
      for (const [index, { signal }] of leaving.entries()) {
        gone.push(assert.rejects(site.request('GET', '/a', { signal })))
        await site.settled(index + 1)
      }
      const last = site.get('/a')
      await site.settled(4)
      for (const [index, controller] of leaving.entries()) {
        controller.abort()
        await site.started('/a', index + 2)
      }
      await Promise.all(gone)
      expectResponse(await last, { text: 'run 4', cache: 'fwd=uri-miss stored' })
      gate.open()
    },
  },
]
