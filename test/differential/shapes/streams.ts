import { Readable } from 'node:stream'
import type { Run } from '../origin.ts'
import type { Call, Shape } from '../shape.ts'
import { answer, minute, setFields } from './answer.ts'

const isOdd = (run: Run): boolean => run.number % 2 !== 0

/** A body that ends after a few pieces, sent as what a client reads while it comes. */
const live = (name: string, fields: Readonly<Record<string, string>>): Shape => ({
  name,
  policy: { ttl: 600 },
  never: true,
  handle: (call) => {
    setFields(call, { ...minute, ...fields })
    const stamp = call.stamp()
    const events = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.from(`data: ${stamp}\n\n`)
      await call.pause()
      yield Buffer.from('data: end\n\n')
    }
    call.reply.stream(Readable.from(events()))
  },
})

/** Answers that do not come to their end, every other time. */
const broken = (name: string, odd: (call: Call, stamp: string) => void | Promise<void>): Shape => ({
  name,
  needs: 'node',
  fresh: 60,
  breaks: isOdd,
  handle: async (call) => {
    setFields(call, minute)
    if (isOdd(call.run)) await odd(call, call.stamp())
    else call.reply.send(call.stamp())
  },
})

/** Streams that nobody else may have, answers that break off, and those that are too large to be kept. */
export const streams: readonly Shape[] = [
  live('events', { 'Content-Type': 'text/event-stream' }),
  live('events-with-charset', { 'Content-Type': 'Text/Event-Stream; charset=utf-8' }),
  live('replaced', { 'Content-Type': 'multipart/x-mixed-replace; boundary=x' }),
  live('unbuffered', { 'X-Accel-Buffering': 'no' }),
  broken('cut-before-body', (call) => {
    call.node.flushHeaders()
    call.node.destroy()
  }),
  broken('cut-in-body', async (call, stamp) => {
    call.node.write(stamp)
    await call.pause()
    call.node.destroy()
  }),
  broken('cut-with-length', async (call, stamp) => {
    call.node.setHeader('Content-Length', String(stamp.length + 10))
    call.node.write(stamp)
    await call.pause()
    call.node.destroy()
  }),
  broken('cut-at-once', (call) => {
    call.node.destroy()
  }),
  {
    name: 'failing-source',
    fresh: 60,
    breaks: isOdd,
    handle: (call) => {
      setFields(call, minute)
      const stamp = call.stamp()
      const pieces = async function* (): AsyncGenerator<Buffer> {
        yield Buffer.from(stamp)
        await call.pause()
        if (isOdd(call.run)) throw new Error('the source failed on purpose')
        yield Buffer.from('end')
      }
      call.reply.stream(Readable.from(pieces()))
    },
  },
  {
    name: 'throws-late',
    needs: 'node',
    fresh: 60,
    breaks: isOdd,
    handle: async (call) => {
      setFields(call, minute)
      call.node.write(call.stamp())
      await call.pause()
      if (isOdd(call.run)) throw new Error('thrown on purpose')
      call.node.end()
    },
  },
  {
    name: 'too-large',
    policy: { ttl: 60, maxBodyBytes: 1000 },
    never: true,
    handle: (call) => answer(call, { 'X-Padding': 'x' }, { padding: 'x'.repeat(2000) }),
  },
  {
    name: 'too-large-in-pieces',
    policy: { ttl: 60, maxBodyBytes: 1000 },
    never: true,
    handle: (call) => {
      const stamp = call.stamp()
      call.reply.stream(Readable.from([Buffer.from(stamp), Buffer.alloc(600), Buffer.alloc(600)]))
    },
  },
]
