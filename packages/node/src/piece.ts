type Callback = (error?: Error | null) => void

/** The arguments of `write` and `end` in any of their forms. */
export interface Piece {
  readonly chunk: Buffer | undefined
  readonly callback: Callback | undefined
  readonly given: readonly unknown[]
}

const toBuffer = (chunk: unknown, encoding: unknown): Buffer | undefined => {
  if (typeof chunk === 'string')
    return Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
  if (Buffer.isBuffer(chunk)) return chunk
  return chunk instanceof Uint8Array
    ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    : undefined
}

export const pieceOf = (given: readonly unknown[]): Piece => {
  const callback = given.find((argument) => typeof argument === 'function')
  return { chunk: toBuffer(given[0], given[1]), callback: callback as Callback | undefined, given }
}

/** Whether Node will refuse this as a last chunk, so that the response is not over. */
export const isRefusedEnd = ({ chunk, given: [first] }: Piece): boolean =>
  chunk === undefined && typeof first !== 'function' && Boolean(first)

/** A chunk that waits may be used again by who wrote it. */
export const copied = ({ chunk, given }: Piece): readonly unknown[] =>
  chunk === undefined || typeof given[0] === 'string' ? given : [Buffer.from(chunk), ...given.slice(1)]

/** The answer to a piece that goes nowhere: whoever waits for it to be written is told that it was. */
export const swallowed = <T>({ callback }: Piece, result: T): T => {
  if (callback !== undefined) process.nextTick(callback)
  return result
}
