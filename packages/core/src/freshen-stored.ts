import type { StoredResponse } from './entry.ts'
import { type FieldTable, newFieldTable } from './field-table.ts'
import { buildStored, decideStore, type Fill, mostTags, tagsOfFill } from './fill.ts'
import type { JudgedHead } from './head.ts'
import { overruled } from './precedence.ts'
import { responseEdits } from './response-edits.ts'
import { fieldValue } from './semantics/fields.ts'
import type { StoreDecision } from './semantics/storable.ts'
import { freshenFields } from './semantics/validate.ts'
import { addedVary } from './semantics/vary.ts'

/** A stored response after a 304, and whether it may be stored again. */
export interface Freshened {
  readonly stored: StoredResponse
  readonly decision: StoreDecision
}

/** A 304 that varies by more fields than the stored response does not say for whom that one still holds. */
const otherVary: StoreDecision = {
  storable: false,
  reason: { code: 'vary', detail: 'the 304 varies by other fields', ref: 'RFC 9111 §4.1' },
}

/** Tags unite from one validation to the next; to leave one out would lose an invalidation. */
const tooManyTags: StoreDecision = {
  storable: false,
  reason: { code: 'tags', detail: 'too many tags', ref: 'RFC 9111 §4.4' },
}

const withoutMade = (stored: StoredResponse): FieldTable => {
  const fields = newFieldTable()
  for (const name of Object.keys(stored.headers)) {
    const value = stored.headers[name]
    // A Cache-Control that the policy made is made anew; the old Date is not that of the 304.
    if (value === undefined || (name === 'cache-control' && stored.policyFresh) || name === 'date') continue
    if (name === 'cdn-cache-control' && stored.downstream) continue
    fields[name] = value
  }
  return fields
}

/**
 * The stored response with the header fields of a 304 (RFC 9111 §3.2, §4.3.4): fresh from the start of the handler
 * that confirmed it, stamped with the invalidations that it has seen.
 */
export const freshenStored = (stored: StoredResponse, judged: JudgedHead, fill: Fill): Freshened => {
  const own = freshenFields(withoutMade(stored), judged.own)
  // A cookie is not stored with the rest, but it says here as anywhere that the answer is for one client.
  const { date, age, 'set-cookie': setCookie } = judged.deciding
  const deciding = { ...own, date, age, 'set-cookie': setCookie }
  const declares = judged.declares || !stored.policyFresh
  const merged = overruled(
    {
      status: stored.status,
      reason: stored.reason,
      own,
      deciding,
      directives: judged.declares ? judged.directives : stored.directives,
      declares,
    },
    fill.policy,
  )
  const varied = addedVary(fieldValue(stored.headers, 'vary'), fieldValue(judged.deciding, 'vary'))
  const said = tagsOfFill(merged, fill)
  const tags = new Set([...stored.tags, ...(said ?? [])])
  const refused =
    varied !== undefined ? otherVary : said === undefined || tags.size > mostTags ? tooManyTags : undefined
  const decision = refused ?? decideStore(merged, fill)
  const lifetime = decision.storable ? decision.lifetime : 0
  const edits = responseEdits(merged, fill.policy, true, undefined)
  const route = fill.route ?? stored.route
  const fresh = buildStored(merged, { ...fill, route }, stored.key, lifetime, [...tags], stored.body, edits)
  const handlerMs = Math.max(stored.handlerMs, fresh.handlerMs)
  return { stored: { ...fresh, madeEtag: stored.madeEtag, handlerMs }, decision }
}
