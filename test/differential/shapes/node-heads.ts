import type { Call, Shape } from '../shape.ts'
import { minute, setFields } from './answer.ts'

const minuteOf = (call: Call): string => {
  setFields(call, minute)
  return call.stamp()
}

const onNode = (name: string, handle: Shape['handle']): Shape => ({ name, needs: 'node', fresh: 60, handle })

/** Heads and bodies as only Node's own response lets handlers write them. */
export const nodeHeads: readonly Shape[] = [
  onNode('write-head', (call) => {
    const stamp = call.stamp()
    call.node.writeHead(200, { 'Cache-Control': 'max-age=60', 'Content-Type': 'text/plain' }).end(stamp)
  }),
  onNode('write-head-list', (call) => {
    const stamp = call.stamp()
    // Whether a repeated name replaces the line before it depends on the release of Node.
    call.node.writeHead(200, ['Cache-Control', 'max-age=60', 'X-First', 'one', 'X-Second', 'two'])
    call.node.end(stamp)
  }),
  onNode('write-head-reason', (call) => {
    const stamp = call.stamp()
    call.node.writeHead(200, 'Very Fine', { 'Cache-Control': 'max-age=60' })
    call.node.end(stamp)
  }),
  onNode('write-head-length', (call) => {
    const stamp = minuteOf(call)
    call.node.writeHead(200, { 'Content-Length': Buffer.byteLength(stamp) })
    call.node.write(stamp.slice(0, 10))
    call.node.end(stamp.slice(10))
  }),
  onNode('status-message', (call) => {
    const stamp = minuteOf(call)
    call.node.statusMessage = 'Quite So'
    call.node.end(stamp)
  }),
  onNode('writes', (call) => {
    const stamp = minuteOf(call)
    call.node.write(stamp)
    call.node.write(Buffer.from([0, 255, 128]))
    call.node.end('é', 'latin1')
  }),
  onNode('encodings', (call) => {
    const stamp = minuteOf(call)
    call.node.write(Buffer.from(stamp).toString('base64'), 'base64')
    call.node.write('fffe00', 'hex')
    call.node.end(new Uint8Array([1, 2, 3]), () => undefined)
  }),
  onNode('reused-buffer', async (call) => {
    const chunk = Buffer.from(`${minuteOf(call)}\n`)
    call.node.write(chunk, () => {
      chunk.fill(0)
      call.node.end('end')
    })
  }),
  onNode('early-write', async (call) => {
    const stamp = minuteOf(call)
    call.node.flushHeaders()
    await call.pause()
    call.node.write(stamp)
    await call.pause()
    call.node.end('\nlate')
  }),
  onNode('trailers', (call) => {
    const stamp = minuteOf(call)
    if (call.request.method !== 'HEAD') {
      call.node.setHeader('Trailer', 'X-Checksum')
      call.node.write(stamp)
      call.node.addTrailers({ 'X-Checksum': String(stamp.length) })
    }
    call.node.end()
  }),
  onNode('early-hints', async (call) => {
    const stamp = minuteOf(call)
    call.node.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
    await call.pause()
    call.node.end(stamp)
  }),
  onNode('repeated-lines', (call) => {
    const stamp = minuteOf(call)
    call.node.setHeader('Link', ['</a>; rel=next', '</b>; rel=prev'])
    call.node.appendHeader('X-Many', 'one')
    call.node.appendHeader('X-Many', 'two, three')
    call.node.end(stamp)
  }),
  onNode('odd-case', (call) => {
    const stamp = minuteOf(call)
    call.node.setHeader('x-ODD-casE', 'MiXeD')
    call.node.setHeader('X_Under_Score', '1')
    call.node.setHeader('constructor', 'kept')
    call.node.setHeader('X-Empty', '')
    call.node.setHeader('X-Latin', 'caf\u00e9')
    // Node encodes a head like the text that it is sent with: a buffer leaves it in Latin-1.
    call.node.end(Buffer.from(stamp))
  }),
  onNode('hop-by-hop', (call) => {
    const stamp = minuteOf(call)
    call.node.setHeader('Connection', 'X-Hop')
    call.node.setHeader('X-Hop', 'for this connection')
    call.node.end(stamp)
  }),
  onNode('changes-outer', (call) => {
    const stamp = minuteOf(call)
    call.node.setHeader('X-Frame', 'inner')
    call.node.end(stamp)
  }),
  {
    ...onNode('removes-outer', (call) => {
      const stamp = minuteOf(call)
      call.node.removeHeader('X-Frame')
      call.node.end(stamp)
    }),
    removesOuter: true,
  },
  onNode('exchange-fields', (call) => {
    const stamp = minuteOf(call)
    call.node.setHeader('Server-Timing', `run;dur=${call.run.number}`)
    call.node.setHeader('X-RateLimit-Remaining', String(call.run.number))
    call.node.setHeader('X-Response-Time', `${call.run.number}ms`)
    call.node.end(stamp)
  }),
  onNode('late-callbacks', (call) => {
    const stamp = minuteOf(call)
    call.node.write(stamp, () => call.node.end('\nlast'))
  }),
]
