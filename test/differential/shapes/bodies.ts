import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Call, Shape } from '../shape.ts'
import { everybody } from '../stamp.ts'
import { answer, minute, setFields } from './answer.ts'

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
const fixture = fileURLToPath(new URL('../fixture.txt', import.meta.url))

/** Bytes after the stamp, so that the whole has at least `size`. */
const filled = (stamp: string, size: number): Buffer => {
  const head = Buffer.from(`${stamp}\n`)
  return Buffer.concat([head, Buffer.alloc(Math.max(0, size - head.length), everyByte)])
}

const minuteOf = (call: Call): string => {
  setFields(call, minute)
  return call.stamp()
}

/** The framework's own ways of sending a whole body. */
const whole: readonly Shape[] = [
  { name: 'text', fresh: 60, handle: (call) => answer(call, minute) },
  {
    name: 'buffer',
    fresh: 60,
    handle: (call) => call.reply.send(Buffer.from(minuteOf(call))),
  },
  {
    name: 'json',
    fresh: 60,
    handle: (call) => call.reply.json({ stamp: minuteOf(call), list: [1, 2, 3], text: 'ä€😀' }),
  },
  {
    name: 'html',
    fresh: 60,
    handle: (call) => answer(call, { ...minute, 'Content-Type': 'text/html; charset=UTF-8' }),
  },
  {
    name: 'unicode',
    fresh: 60,
    handle: (call) => call.reply.send(`${minuteOf(call)}\nGrüße, 日本語, 👩‍👩‍👧, \u0000, \u2028`),
  },
  {
    name: 'every-byte',
    fresh: 60,
    handle: (call) => call.reply.send(filled(minuteOf(call), 1500)),
  },
  {
    name: 'megabyte',
    fresh: 60,
    heavy: true,
    handle: (call) => call.reply.send(filled(minuteOf(call), 1_048_576)),
  },
  {
    name: 'nothing',
    fresh: 60,
    handle: (call) => {
      minuteOf(call)
      call.reply.end()
    },
  },
  {
    name: 'empty-text',
    fresh: 60,
    handle: (call) => {
      minuteOf(call)
      call.reply.send('')
    },
  },
  {
    name: 'own-type',
    fresh: 60,
    handle: (call) => answer(call, { ...minute, 'Content-Type': 'application/vnd.stamp+json;v=1' }),
  },
]

/** Bodies that come in pieces, and files. */
const streamed: readonly Shape[] = [
  {
    name: 'stream',
    fresh: 60,
    handle: (call) => {
      const stamp = minuteOf(call)
      call.reply.set('Content-Type', 'text/plain')
      call.reply.stream(Readable.from([Buffer.from(stamp), Buffer.from('\nsecond'), everyByte]))
    },
  },
  {
    name: 'stream-with-length',
    fresh: 60,
    handle: (call) => {
      const body = filled(minuteOf(call), 900)
      call.reply.set('Content-Length', String(body.length))
      call.reply.stream(Readable.from([body.subarray(0, 300), body.subarray(300)]))
    },
  },
  {
    name: 'slow-stream',
    fresh: 60,
    handle: (call) => {
      const stamp = minuteOf(call)
      const pieces = async function* (): AsyncGenerator<Buffer> {
        yield Buffer.from(stamp)
        await call.pause()
        yield everyByte
        await call.pause()
        yield Buffer.from('end')
      }
      call.reply.stream(Readable.from(pieces()))
    },
  },
  {
    name: 'piped-file',
    fresh: 60,
    handle: (call) => {
      minuteOf(call)
      call.reply.stream(createReadStream(fixture))
    },
  },
  {
    name: 'sent-file',
    fresh: 60,
    shares: 'everybody',
    who: everybody,
    handle: (call) => {
      call.stamp()
      call.reply.file(fixture, 60)
    },
  },
  {
    name: 'checked-file',
    fresh: 0,
    shares: 'everybody',
    who: everybody,
    handle: (call) => {
      call.stamp()
      call.reply.file(fixture, 0)
    },
  },
  {
    name: 'slow',
    fresh: 60,
    handle: async (call) => {
      await call.pause()
      await call.pause()
      answer(call, minute)
    },
  },
]

/** As large as the id says, and at most as large as the cache keeps by default and one byte more. */
const sizeOf = (call: Call): number =>
  Math.min(Number(/(\d+)\/?(?:\?|$)/.exec(call.request.url)?.[1] ?? 0), 10_485_761)

const sized: readonly Shape[] = [
  {
    name: 'sized',
    fresh: 60,
    handle: (call) => {
      minuteOf(call)
      call.reply.send(Buffer.alloc(sizeOf(call), everyByte))
    },
  },
  {
    name: 'sized-text',
    fresh: 60,
    handle: (call) => {
      minuteOf(call)
      call.reply.set('Content-Type', 'text/plain; charset=utf-8')
      call.reply.send(Buffer.alloc(sizeOf(call), 'text '))
    },
  },
]

export const bodies: readonly Shape[] = [...whole, ...streamed, ...sized]
