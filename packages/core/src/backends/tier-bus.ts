import type { CacheBackend } from '../backend.ts'
import { BoundedMap } from '../bounded-map.ts'
import { randomBytes } from '../builtin.ts'
import { isPromise } from '../message.ts'
import type { CountedTags } from './known-tags.ts'
import { isMessenger } from './tiered-options.ts'
import type { Tier } from './tiers.ts'
import type { Timers } from './timers.ts'

const channel = 'tiered'
/** Keys of several writes go together. */
const gatherMs = 5
const mostKeys = 256
/** Characters of one message, about. */
const longestMessage = 65_536
const againMs = 1000
const mostSenders = 1000

export type Messenger = Required<Pick<CacheBackend, 'publish' | 'subscribe'>>

/** The lowest of the tiers that has messages, with the deadline that holds when it is used. */
export const messengerAmong = (tiers: () => readonly Tier[]): Messenger | undefined => {
  const at = tiers().findLastIndex(({ store }) => isMessenger(store))
  if (at < 0) return undefined
  const store = (): Messenger => (tiers()[at] as Tier).store as CacheBackend & Messenger
  return {
    publish: (channel, message) => store().publish(channel, message),
    subscribe: (channel, on, onLost) => store().subscribe(channel, on, onLost),
  }
}

export interface TierBusParts {
  readonly messenger: Messenger
  readonly timers: Timers
  /** Messages arrive from now on, or again; what was said before was not heard. */
  readonly begun: () => void
  readonly tags: (bump: CountedTags) => void
  /** Undefined: any. */
  readonly keys: (keys: readonly string[] | undefined) => void
}

interface Message {
  readonly from: string
  readonly n: number
  readonly bump?: CountedTags
  readonly keys?: readonly string[] | '*'
}

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((text) => typeof text === 'string')

const isBump = (value: unknown): value is CountedTags => {
  if (typeof value !== 'object' || value === null) return false
  const { epoch, seq, tags } = value as Record<string, unknown>
  return typeof epoch === 'string' && Number.isSafeInteger(seq) && (tags === undefined || isTexts(tags))
}

/** Undefined where it is no message of ours. */
const messageOf = (text: string): Message | undefined => {
  try {
    const message = JSON.parse(text) as Partial<Message> | null
    if (typeof message?.from !== 'string' || !Number.isSafeInteger(message.n)) return undefined
    const { bump, keys } = message
    const isSound =
      (bump === undefined || isBump(bump)) && (keys === undefined || keys === '*' || isTexts(keys))
    return isSound ? (message as Message) : undefined
  } catch {
    return undefined
  }
}

/** What processes with the same last tier tell each other. Each numbers its messages, so that a gap is seen. */
export class TierBus {
  readonly #parts: TierBusParts
  readonly #from = randomBytes(9).toString('base64url')
  readonly #heard = new BoundedMap<number>(mostSenders)
  #sent = 0
  #keys = new Set<string>()
  #length = 0
  #cancelGathering: (() => void) | undefined
  #cancelRetry: (() => void) | undefined
  #started = false
  #stop: (() => unknown) | undefined
  #closed = false

  constructor(parts: TierBusParts) {
    this.#parts = parts
  }

  /** Listens, if it does not yet. */
  start(): void {
    if (this.#started || this.#closed) return
    this.#started = true
    void this.#subscribe()
  }

  tags(bump: CountedTags): void {
    this.#flush()
    const size = bump.tags?.reduce((sum, tag) => sum + tag.length, 0) ?? 0
    this.#send({ bump: size > longestMessage ? { ...bump, tags: undefined } : bump })
  }

  /** These have another value, or none, from now on. */
  keys(keys: readonly string[]): void {
    for (const key of keys) {
      if (this.#keys.has(key)) continue
      this.#keys.add(key)
      this.#length += key.length
      if (this.#keys.size >= mostKeys || this.#length > longestMessage) this.#flush()
    }
    if (this.#keys.size > 0) this.#cancelGathering ??= this.#parts.timers.after(gatherMs, () => this.#flush())
  }

  cleared(): void {
    this.#forgetKeys()
    this.#send({ keys: '*' })
  }

  async close(): Promise<void> {
    this.#flush()
    if (this.#cancelRetry !== undefined) this.cleared()
    this.#closed = true
    this.#cancelRetry?.()
    await this.#stop?.()
  }

  #forgetKeys(): void {
    this.#cancelGathering?.()
    this.#cancelGathering = undefined
    this.#keys = new Set()
    this.#length = 0
  }

  #flush(): void {
    const keys = [...this.#keys]
    const tooLong = this.#length > 2 * longestMessage
    this.#forgetKeys()
    if (keys.length > 0) this.#send({ keys: tooLong ? '*' : keys })
  }

  #send(said: Pick<Message, 'bump' | 'keys'>): void {
    if (this.#closed) return
    this.#sent++
    try {
      const text = JSON.stringify({ from: this.#from, n: this.#sent, ...said })
      const done = this.#parts.messenger.publish(channel, text)
      if (isPromise(done)) done.catch(() => this.#failed())
    } catch {
      this.#failed()
    }
  }

  /** Others see by the number of the next message that one is missing, but for those who have heard none before. */
  #failed(): void {
    if (this.#closed || this.#cancelRetry !== undefined) return
    this.#cancelRetry = this.#parts.timers.after(againMs, () => {
      this.#cancelRetry = undefined
      this.#send({ keys: '*' })
    })
  }

  async #subscribe(): Promise<void> {
    try {
      const { messenger, begun } = this.#parts
      const stop = await messenger.subscribe(
        channel,
        (text) => this.#hear(text),
        () => this.#closed || begun(),
      )
      if (this.#closed) {
        await stop()
        return
      }
      this.#stop = stop
      begun()
    } catch {
      if (!this.#closed) this.#parts.timers.after(againMs, () => this.#closed || void this.#subscribe())
    }
  }

  #hear(text: string): void {
    const message = messageOf(text)
    if (message === undefined || message.from === this.#from || this.#closed) return
    const last = this.#heard.get(message.from)
    this.#heard.set(message.from, Math.max(message.n, last ?? 0))
    // Nobody knows what was in the one that is missing.
    if (last !== undefined && message.n > last + 1) this.#parts.keys(undefined)
    else if (message.keys !== undefined) this.#parts.keys(message.keys === '*' ? undefined : message.keys)
    if (message.bump !== undefined) this.#parts.tags(message.bump)
  }
}
