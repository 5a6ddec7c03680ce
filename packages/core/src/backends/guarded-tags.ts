import type { SyncTagState, TagState } from '../backend.ts'
import { isPromise, type MaybePromise, whenReady } from '../message.ts'
import type { Guard } from './guard.ts'
import type { Outage } from './outage.ts'

export interface GuardedTagsParts {
  readonly state: TagState
  readonly guard: Guard
  readonly outage: Outage
  readonly deadlineMs: number
  /** Whether a state of this process stands in while the store is out of reach. */
  readonly standIn: boolean
}

/** `run`, and `failed` where it throws or rejects. */
const caught = <T>(
  run: () => MaybePromise<T>,
  failed: (error: unknown) => MaybePromise<T>,
): MaybePromise<T> => {
  try {
    const answer = run()
    return isPromise(answer) ? answer.catch(failed) : answer
  } catch (error) {
    return failed(error)
  }
}

type Head = Awaited<ReturnType<TagState['head']>>

/** The count of a store that may be out of reach; `present` is the state of an outage that stands in for it. */
const guardedHead = (
  { guard, outage }: GuardedTagsParts,
  present: () => SyncTagState | undefined,
  ask: () => MaybePromise<Head>,
): MaybePromise<Head> => {
  const own = present()?.head()
  if (own !== undefined) return own
  const failed = (error: unknown): Head => {
    const meanwhile = present()?.head()
    if (meanwhile === undefined) throw error
    return meanwhile
  }
  // An old entry must not be taken for valid because the store has not heard of its invalidation yet.
  if (guard.isInReach && outage.owes) return outage.makeUp().then(ask).catch(failed)
  return caught(ask, failed)
}

/** The invalidation state of a store that may be out of reach. */
export const guardedTags = (parts: GuardedTagsParts): TagState => {
  const { state, guard, outage, deadlineMs, standIn } = parts
  const present = () => (standIn ? outage.table : undefined)
  const ask = <T>(operation: string, run: () => MaybePromise<T>): MaybePromise<T> =>
    guard.call({ operation, run, deadlineMs, repeatable: true })

  const read = (tags: readonly string[], epoch?: string): MaybePromise<readonly number[]> => {
    const table = outage.tableOf(epoch) ?? (epoch === undefined ? present() : undefined)
    if (table !== undefined) return table.read(tags)
    const counts = ask('tags.read', () => state.read(tags, epoch))
    return whenReady(counts, (known) => outage.corrected(tags, known, epoch))
  }

  const bump = (tags: readonly string[]): MaybePromise<number> => {
    const failed = (error: unknown): never => {
      outage.table?.bump(tags)
      outage.keep(tags)
      throw error
    }
    const done = caught(() => ask('tags.bump', () => state.bump(tags)), failed)
    return whenReady(done, (seq) => {
      // An outage has begun meanwhile: what was kept since counts as invalid as well.
      outage.table?.bump(tags)
      return seq
    })
  }

  const askHead = (): MaybePromise<Head> => ask('tags.head', () => state.head())
  return { head: () => guardedHead(parts, present, askHead), read, bump }
}
