import { reuseFacts, type StoredResponse } from './entry.ts'
import type { EntryInfo } from './events.ts'

/** What an event tells of a stored response at `now`. */
export const infoOf = (stored: StoredResponse, url: string, now: number): EntryInfo => {
  const { age, lifetime } = reuseFacts(stored, now, undefined)
  return {
    key: stored.key,
    url,
    ...(stored.route === undefined ? {} : { route: stored.route }),
    status: stored.status,
    ageMs: age,
    ttlMs: lifetime - age,
    bytes: stored.body.length,
    tags: stored.tags.filter((tag) => tag.startsWith('t:')).map((tag) => tag.slice(2)),
  }
}
