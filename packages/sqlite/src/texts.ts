import type { Failure } from './calls.ts'

/** UTF-8, and so SQLite, has no halves of surrogate pairs: they would come back as something else. */
export const isWhole = (text: string): boolean =>
  (text as unknown as { isWellFormed(): boolean }).isWellFormed()

export const notWhole: Failure = { result: 'TEXT', message: 'half of a surrogate pair cannot be stored' }

export const sizeOfAll = (texts: readonly string[]): number =>
  texts.reduce((sum, text) => sum + text.length, 0)

/** What every text that matches a glob begins with. */
export const literalStart = (pattern: string): string => /^[^*?]*/.exec(pattern)?.[0] ?? ''

/** In lists of at most so many elements, and of at most so many characters where there is more than one. */
export const slicesOf = <T>(
  list: Iterable<T>,
  most: number,
  mostCharacters: number,
  size: (element: T) => number,
) => {
  const slices: T[][] = []
  let slice: T[] = []
  let characters = 0
  for (const element of list) {
    const length = size(element)
    if (slice.length === most || (slice.length > 0 && characters + length > mostCharacters)) {
      slices.push(slice)
      slice = []
      characters = 0
    }
    slice.push(element)
    characters += length
  }
  return slice.length > 0 ? [...slices, slice] : slices
}
