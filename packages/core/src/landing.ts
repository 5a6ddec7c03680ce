import type { StoredResponse } from './entry.ts'
import { type Exchange, failRevalidation, rejectResponse } from './exchange.ts'
import { backendTtl, buildStored, isComplete } from './fill.ts'
import { infoOf } from './info.ts'
import { type MaybePromise, whenReady } from './message.ts'
import { collectTags } from './outcome.ts'
import type { Policy } from './policy.ts'
import type { RecordedHead, Recording } from './recording.ts'
import { permitsCredentials } from './semantics/storable.ts'
import type { Found } from './store.ts'

/** A complete response: whoever waits has it, and then the store. */
const landRecording = (exchange: Exchange, head: RecordedHead, body: Buffer): MaybePromise<void> => {
  const { judged, fill, place, lifetime, edits, shared } = head
  const { flight } = exchange.plan
  // The handler may have named more tags since the head.
  const tags = exchange.remarks.tags.size === 0 ? head.tags : collectTags(exchange, judged, fill)
  if (tags === undefined) return flight?.refuse(false)
  const stored = buildStored(judged, fill, place.key.full, lifetime, tags, body, edits)
  if (shared) flight?.land(stored, place.here)
  return storeResponse(exchange, place, stored)
}

/** Stores a response and tells of it; the key is free for the next one then. */
export const storeResponse = (
  exchange: Exchange,
  place: Found,
  stored: StoredResponse,
): MaybePromise<void> => {
  const { flight, policy, request, background } = exchange.plan
  const { reports, store, clock } = exchange.engine
  const ttl = backendTtl(stored, policy.keep)
  return whenReady(ttl > 0 ? store.put(place, stored, ttl) : false, (written) => {
    flight?.close()
    if (!written) return
    reports.count('stored')
    if (reports.wants('store')) reports.emit('store', infoOf(stored, request.url, clock()))
    if (background) reports.emit('refresh', { key: stored.key, ms: clock() - exchange.requestTime, ok: true })
  })
}

/** What the body, or what came with it, forbids to store. `mark`: nobody need wait for the next response either. */
export const dropRecording = (exchange: Exchange, code: string, detail: string, mark: boolean): void => {
  const { flight, background } = exchange.plan
  rejectResponse(exchange, code, detail)
  flight?.refuse(mark)
  if (background) failRevalidation(exchange, new Error(detail))
}

/** The body has ended: it is stored where it is whole and the handler has not thought better of it. */
export const endRecording = (exchange: Exchange, recording: Recording): MaybePromise<void> => {
  const { skipped } = exchange.remarks
  if (skipped !== undefined) return dropRecording(exchange, 'skip', skipped, false)
  const bytes = recording.body()
  if (isComplete(recording.head.judged.own, bytes.length))
    return landRecording(exchange, recording.head, bytes)
  return dropRecording(exchange, 'incomplete', 'shorter or longer than its Content-Length', false)
}

/** Whether it is stored although a session may have begun: where it would be with credentials (RFC 9111 §7.3). */
export const survivesSession = ({ head }: Recording, { scope }: Policy): boolean =>
  scope !== undefined || permitsCredentials(head.judged.directives, 'other')
