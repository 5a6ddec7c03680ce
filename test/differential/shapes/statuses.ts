import type { Run } from '../origin.ts'
import type { Shape } from '../shape.ts'
import { answer, minute } from './answer.ts'

const isOdd = (run: Run): boolean => run.number % 2 !== 0

const redirect = (name: string, status: number, rest: Partial<Shape> = {}): Shape => ({
  name,
  covered: status === 301 || status === 308,
  handle: (call) => {
    call.stamp()
    call.reply.redirect(status, `/text/1?from=${call.run.version}`)
  },
  ...rest,
})

const freshRedirect = (name: string, status: number): Shape =>
  redirect(name, status, {
    fresh: 60,
    handle: (call) => {
      call.reply.set('Cache-Control', 'max-age=60')
      call.stamp()
      call.reply.redirect(status, '/text/1')
    },
  })

/** A status with a body; fresh for a minute, or without a word about freshness. */
const status = (name: string, code: number, rest: Partial<Shape> = {}): Shape => ({
  name,
  covered: [200, 203, 204, 300, 301, 308].includes(code),
  handle: (call) => {
    call.reply.status(code)
    answer(call, rest.fresh === undefined ? {} : minute)
  },
  ...rest,
})

const redirects: readonly Shape[] = [
  redirect('moved', 301),
  redirect('found', 302),
  redirect('see-other', 303),
  redirect('temporary', 307),
  redirect('permanent', 308),
  freshRedirect('found-fresh', 302),
  freshRedirect('see-other-fresh', 303),
  freshRedirect('temporary-fresh', 307),
]

const failures: readonly Shape[] = [
  status('not-found', 404),
  status('not-found-fresh', 404, { fresh: 60 }),
  status('gone-fresh', 410, { fresh: 60 }),
  status('unauthorized', 401),
  status('forbidden', 403),
  status('teapot', 418),
  status('failure', 500),
  status('unavailable', 503, {
    handle: (call) => {
      call.reply.status(503)
      answer(call, { 'Retry-After': '5' })
    },
  }),
  {
    name: 'throws',
    covered: false,
    handle: () => {
      throw new Error('thrown on purpose')
    },
  },
  {
    name: 'rejects',
    covered: false,
    handle: async (call) => {
      await call.pause()
      throw new Error('rejected on purpose')
    },
  },
  {
    name: 'flaky',
    fresh: 5,
    fails: isOdd,
    never: isOdd,
    handle: async (call) => {
      await call.pause()
      if (!isOdd(call.run)) answer(call, { 'Cache-Control': 'max-age=5' })
      else {
        call.reply.status(500)
        answer(call, {})
      }
    },
  },
  {
    name: 'flaky-window',
    fresh: 5,
    fails: isOdd,
    never: isOdd,
    staleIfError: 20,
    handle: (call) => {
      const fails = isOdd(call.run)
      call.reply.status(fails ? 503 : 200)
      answer(call, fails ? {} : { 'Cache-Control': 'max-age=5, stale-if-error=20' })
    },
  },
]

/** Final statuses, and some that handlers should leave to others. */
export const statuses: readonly Shape[] = [
  ...redirects,
  ...failures,
  status('non-authoritative', 203, { fresh: 60 }),
  status('choices', 300, { fresh: 60 }),
  status('created-by-get', 201),
  status('accepted', 202),
  {
    name: 'no-content',
    fresh: 60,
    handle: (call) => {
      call.reply.status(204)
      call.reply.set('Cache-Control', 'max-age=60')
      call.stamp()
      call.reply.end()
    },
  },
  {
    name: 'reset-content',
    covered: false,
    handle: (call) => {
      call.reply.status(205)
      answer(call, {})
    },
  },
  {
    name: 'partial-by-hand',
    never: true,
    handle: (call) => {
      call.reply.status(206)
      answer(call, { ...minute, 'Content-Range': 'bytes 0-9/100' })
    },
  },
  {
    name: 'not-modified-by-hand',
    never: true,
    handle: (call) => {
      call.reply.status(304)
      call.reply.set('Cache-Control', 'max-age=60')
      call.stamp()
      call.reply.end()
    },
  },
  {
    name: 'own-reason',
    fresh: 60,
    handle: (call) => {
      call.reply.status(200, 'All Is Well')
      answer(call, minute)
    },
  },
]
