import { pipeline, type Readable, Transform } from 'node:stream'
import type { Forward } from '@stowage/core'

/**
 * A stream that records another while it is read, no faster than it is read. `whole` is called when the source has come
 * to its end; what happens to either of the two, an error or its end before time, happens to the other.
 *
 * @example
 * tee(createReadStream('page.html'), forward, () => undefined).pipe(response)
 */
export const tee = (source: Readable, forward: Forward, whole: () => void): Readable => {
  const recording = new Transform({
    transform: (chunk: Buffer, _encoding, pass) => {
      forward.write(chunk)
      pass(null, chunk)
    },
    flush: (pass) => {
      whole()
      pass()
    },
  })
  pipeline(source, recording, (error) => {
    if (error) forward.abort(error)
  })
  return recording
}
