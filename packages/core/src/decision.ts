import type { FieldEdits } from './fill.ts'
import type { Forward } from './forward.ts'
import type { SelectedResponse } from './select.ts'

export type { FieldEdits } from './fill.ts'

/**
 * The answer is here: send `response`. Where there is a `revalidation`, replay it in the background, or abort it.
 *
 * @example
 * if (decision.action === 'reuse') send(res, decision.response)
 */
export interface Reuse {
  readonly action: 'reuse'
  readonly response: SelectedResponse
  readonly revalidation?: Forward
}

/**
 * What `cache.lookup` answers: a response to send, or a request to forward to the handler.
 *
 * @example
 * const decision: Decision = await cache.lookup(request)
 */
export type Decision = Reuse | Forward

/**
 * What to do with the handler's response. `edits` go onto its head; `response` is sent in its place; `record` asks
 * for its body, also where another response is sent; nothing leaves before `hold` resolves (it never rejects).
 *
 * @example
 * const verdict: Verdict = forward.respond({ status: res.statusCode, headers: res.getHeaders() })
 */
export interface Verdict {
  readonly record: boolean
  readonly edits: FieldEdits
  readonly response?: SelectedResponse
  readonly hold?: Promise<void>
}
