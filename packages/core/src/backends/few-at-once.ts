import { throwIf } from './throw-if.ts'

/** Each may hold a file open, or wait for a disk that others wait for as well. */
const atOnce = 8

/** Does something to each of some lists, a few at a time; where that fails for some, it fails when the others are done. */
export const forEachIn = async <T>(
  sources: Iterable<AsyncIterable<T> | Iterable<T>>,
  work: (each: T) => Promise<void>,
): Promise<void> => {
  let failure: { readonly error: unknown } | undefined
  const failed = (error: unknown): void => {
    failure ??= { error }
  }
  for (const source of sources) {
    let batch: Promise<void>[] = []
    try {
      for await (const each of source) {
        // The next one may take long to come: what rejects meanwhile must not be alone.
        batch.push(work(each).catch(failed))
        if (batch.length < atOnce) continue
        await Promise.all(batch)
        batch = []
      }
    } catch (error) {
      failed(error)
    }
    await Promise.all(batch)
  }
  throwIf(failure)
}

/** The same for one list. */
export const forEachOf = <T>(
  source: AsyncIterable<T> | Iterable<T>,
  work: (each: T) => Promise<void>,
): Promise<void> => forEachIn([source], work)
