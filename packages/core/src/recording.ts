import type { Fill } from './fill.ts'
import type { JudgedHead } from './head.ts'
import type { FieldEdits } from './response-edits.ts'
import type { Found } from './store.ts'

/** What is known of a response at its head, when its body begins to be recorded. */
export interface RecordedHead {
  readonly judged: JudgedHead
  readonly fill: Fill
  readonly place: Found
  /** Milliseconds. */
  readonly lifetime: number
  readonly tags: readonly string[]
  readonly edits: FieldEdits
  /** Whether others may be answered with it. */
  readonly shared: boolean
}

/** The body of one response while it passes: copied up to a limit, and complete or nothing. */
export class Recording {
  readonly head: RecordedHead
  readonly #maxBytes: number
  readonly #chunks: Buffer[] = []
  #size = 0

  constructor(head: RecordedHead, maxBytes: number) {
    this.head = head
    this.#maxBytes = maxBytes
  }

  /** False where the body has become too large to be stored. */
  add(chunk: Buffer): boolean {
    this.#size += chunk.length
    if (this.#size > this.#maxBytes) return false
    // A copy: the handler may use its buffer again.
    this.#chunks.push(Buffer.from(chunk))
    return true
  }

  body(): Buffer {
    const [only] = this.#chunks
    return this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks)
  }
}
