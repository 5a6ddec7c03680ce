import { finished, Readable } from 'node:stream'

type WebStream = Parameters<typeof Readable.fromWeb>[0]

/** Of whichever implementation. */
const isWebStream = (body: unknown): body is WebStream =>
  typeof (body as { getReader?: unknown } | null | undefined)?.getReader === 'function'

/** What has a reader, and Node does not take for a web stream: one of another implementation. */
const fromReader = (stream: WebStream): Readable => {
  const reader = stream.getReader()
  return new Readable({
    read() {
      reader.read().then(
        ({ done, value }) => this.push(done ? null : value),
        (error) => this.destroy(error),
      )
    },
    destroy(error, done) {
      reader.cancel(error).catch(() => undefined)
      done(error)
    },
  })
}

const fromWeb = (stream: WebStream): Readable =>
  stream instanceof ReadableStream ? Readable.fromWeb(stream) : fromReader(stream)

/**
 * What a body has to be read from, in any of the forms that frameworks take; undefined for one that is there.
 *
 * @example
 * const read = sourceOf(new Blob(['hello']))
 * read?.().pipe(response)
 */
export const sourceOf = (body: unknown): (() => Readable) | undefined => {
  if (typeof body !== 'object' || body === null) return undefined
  if (isWebStream(body)) return () => fromWeb(body)
  if (body instanceof Blob) return () => Readable.fromWeb(body.stream() as WebStream)
  if (body instanceof Response) return sourceOf(body.body ?? new Blob([]))
  return typeof (body as Partial<Readable>).pipe === 'function' ? () => body as Readable : undefined
}

/**
 * Reads a stream to its end, for who records it; rejects where it breaks off.
 *
 * @example
 * await drained(stream)
 */
export const drained = (stream: Readable): Promise<void> =>
  new Promise((resolve, reject) => {
    finished(stream.resume(), (error) => (error ? reject(error) : resolve()))
  })

/**
 * Lets go what a stream, a web stream or a `Response` holds on to that nobody will read.
 *
 * @example
 * letGo(response.body)
 */
export const letGo = (body: unknown): void => {
  if (body instanceof Readable) body.on('error', () => undefined).destroy()
  const stream = body instanceof Response ? body.body : body
  if (isWebStream(stream)) stream.cancel().catch(() => undefined)
}

/**
 * A web stream as one of Node's, unless somebody reads it already; anything else as it is. Where nobody will read it, as
 * for HEAD, there is nothing in it: a framework lets go a web stream, and reads one of Node's to its end.
 *
 * @example
 * readable(new Blob(['hello']).stream(), request.method !== 'HEAD').pipe(response)
 */
export const readable = (body: unknown, isRead: boolean): unknown => {
  if (!isWebStream(body) || body.locked) return body
  if (isRead) return fromWeb(body)
  letGo(body)
  return Readable.from([])
}
