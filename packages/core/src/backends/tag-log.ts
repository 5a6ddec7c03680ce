import { createHash } from '../builtin.ts'
import { checksum } from '../checksum.ts'
import { createTagTable, type TagCounts, type TagTable } from '../tag-table.ts'

const format = 'stowage-tags-1'

/** Tags of any length and content, in 132 bits that fit into a line. */
export const hashOf = (tag: string): string =>
  createHash('sha256').update(tag).digest('base64url').slice(0, 22)

/** A line that can be told from half of one, and from one that was changed. */
const lineOf = (words: readonly (string | number)[]): string => {
  const text = words.join(' ')
  return `${checksum(text)} ${text}\n`
}

/** The words of a line; undefined where it is damaged. */
const wordsOf = (line: string): string[] | undefined => {
  const text = line.slice(9)
  return line.slice(0, 8) === checksum(text) ? text.split(' ') : undefined
}

/** One invalidation. `id` is how its writer finds it again. */
export const recordOf = (id: string, hashes: readonly string[]): string => lineOf(['+', id, ...hashes])

/** The end of a log: what comes after it does not count. On a line of its own, whatever was cut off before it. */
export const seal = `\n${lineOf(['.'])}`

/** The beginning of a log: all that counted before it. */
export const openingOf = (epoch: string, { seq, floor, counts }: TagCounts): string => {
  const lines: string[] = []
  let last: (string | number)[] | undefined
  for (const [hash, count] of counts) {
    if (last?.[1] === count) last.push(hash)
    else {
      if (last !== undefined) lines.push(lineOf(last))
      last = ['=', count, hash]
    }
  }
  if (last !== undefined) lines.push(lineOf(last))
  return lineOf([format, epoch, seq, floor, lines.length]) + lines.join('')
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0

/** What the lines of one log come to. Everybody who reads the same lines comes to the same. */
export class TagLog {
  /** Where the lines that were read end. */
  offset = 0
  /** Where the invalidations begin, behind what was copied from the log before. */
  openingBytes = 0
  sealed = false
  damaged = false
  #head: { readonly epoch: string; readonly seq: number; readonly floor: number } | undefined
  #copied = new Map<string, number>()
  #linesToCopy = 0
  #table: TagTable | undefined
  readonly #maxTags: number

  constructor(maxTags: number) {
    this.#maxTags = maxTags
  }

  /** Undefined until the opening was read. */
  get table(): TagTable | undefined {
    return this.#table
  }

  /** Reads whole lines; `found` is told which count each invalidation has. What is cut off is left for the next time. */
  read(bytes: Buffer, found: (id: string, seq: number) => void): void {
    const end = bytes.lastIndexOf(0x0a) + 1
    const lines = bytes.toString('latin1', 0, end).split('\n')
    lines.pop()
    for (const line of lines) {
      if (this.sealed || this.damaged) return
      this.offset += line.length + 1
      if (line !== '') this.#readLine(line, found)
    }
  }

  #readLine(line: string, found: (id: string, seq: number) => void): void {
    const [kind, ...rest] = wordsOf(line) ?? []
    const table = this.#table
    if (table !== undefined && kind === '+') {
      const [id = '', ...hashes] = rest
      found(id, table.bump(hashes))
    } else if (table !== undefined && kind === '.') this.sealed = true
    else if (this.#head !== undefined && table === undefined && kind === '=') this.#copy(rest)
    else if (this.#head === undefined && kind === format) this.#open(rest)
    else this.damaged = true
  }

  #open([epoch = '', ...numbers]: readonly string[]): void {
    const [seq = -1, floor = -1, lines = -1] = numbers.map(Number)
    if (epoch === '' || ![seq, floor, lines].every(isCount)) {
      this.damaged = true
      return
    }
    this.#head = { epoch, seq, floor }
    this.#linesToCopy = lines
    if (lines === 0) this.#settle()
  }

  #copy([seq, ...hashes]: readonly string[]): void {
    const count = Number(seq)
    if (!isCount(count)) this.damaged = true
    for (const hash of hashes) this.#copied.set(hash, count)
    this.#linesToCopy--
    if (this.#linesToCopy === 0) this.#settle()
  }

  #settle(): void {
    if (this.#head === undefined) return
    const { epoch, seq, floor } = this.#head
    this.openingBytes = this.offset
    this.#table = createTagTable({
      maxTags: this.#maxTags,
      epoch,
      from: { seq, floor, counts: this.#copied },
    })
    this.#copied = new Map()
  }
}
