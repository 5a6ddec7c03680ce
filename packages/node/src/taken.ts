import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { isUint8Array } from 'node:util/types'
import { isNonError } from '@stowage/core'
import { hasLeft } from './head.ts'

// Functions of their own, for the reason that `endings.ts` gives.

/** On a connection: who is told of an answer that is written to it. A symbol, so that no client can set it. */
const told = Symbol('stowage.taken')

interface Watched {
  [told]?: Set<() => void>
}

/** Neither what is said in advance of an answer, nor what Node says to a request that it cannot read. */
const successful = /^HTTP\/1\.[01] [23]/

/** With which it begins. */
const firstByte = 0x48

/** Of bytes no more is made text than is looked at: they may be megabytes, or thousands of chunks. */
const beginsAnswer = (chunk: unknown): boolean => {
  if (typeof chunk === 'string') return successful.test(chunk)
  if (!isUint8Array(chunk) || chunk[0] !== firstByte) return false
  return successful.test(String.fromCharCode(...chunk.subarray(0, 10)))
}

/** Patched once for all of its responses: patches that are taken back out of turn would bring each other back. */
const watch = (socket: Socket & Watched): Set<() => void> => {
  const all = new Set<() => void>()
  for (const method of ['write', 'end'] as const) {
    const original = socket[method] as (...given: unknown[]) => unknown
    const patched = (...given: unknown[]): unknown => {
      if (all.size > 0 && beginsAnswer(given[0])) for (const tell of all) tell()
      return original.apply(socket, given)
    }
    socket[method] = patched as Socket['write'] & Socket['end']
  }
  socket[told] = all
  return all
}

const watchWrites = (response: ServerResponse, taken: () => void): (() => void) => {
  const tell = (): void => {
    if (!hasLeft(response)) taken()
  }
  const begin = (socket: Socket & Watched): void => void (socket[told] ?? watch(socket)).add(tell)
  const { socket } = response
  if (socket === null) response.once('socket', begin)
  else begin(socket)
  return tell
}

const answers = ['respond', 'respondWithFile', 'respondWithFD'] as const

/** A stream of HTTP/2, with what of it begins an answer. */
type Answering = Record<(typeof answers)[number], (...given: unknown[]) => unknown>

/** What names no status is sent with 200. */
const statusOf = (fields: unknown): number =>
  Number((fields as Record<string, unknown> | null | undefined)?.[':status'] ?? 200)

/** Its methods are how Node's response answers as well. */
const watchStream = (stream: Answering, taken: () => void, isNodes: () => boolean): void => {
  for (const method of answers) {
    const original = stream[method]
    const answer = (...given: unknown[]): unknown => {
      if (!isNodes() && isNonError(statusOf(given[method === 'respond' ? 0 : 1]))) taken()
      return original.apply(stream, given)
    }
    stream[method] = answer
  }
}

/**
 * Calls `taken` when a handler takes the connection of its response, or writes an answer to it, or to its stream of
 * HTTP/2: past Node's response, which then tells neither how that has answered, nor when it ends. `isNodes` says whether
 * an answer on the stream is that of Node's response.
 */
export const whenTaken = (response: ServerResponse, taken: () => void, isNodes: () => boolean): void => {
  const { detachSocket, stream } = response as ServerResponse & { readonly stream?: Answering }
  if (detachSocket === undefined) {
    if (stream !== undefined) watchStream(stream, taken, isNodes)
    return
  }
  const tell = watchWrites(response, taken)
  const detach = (socket: Socket & Watched): void => {
    socket[told]?.delete(tell)
    detachSocket.call(response, socket)
    // Node itself does it at the end.
    if (!response.writableEnded) taken()
  }
  response.detachSocket = detach
}
