import type { Decoded } from './decoded.ts'
import type { Engine } from './engine.ts'
import { reuseFacts } from './entry.ts'
import type { ReuseFacts } from './semantics/reuse.ts'

/** What decides about the reuse of an entry now. */
export const factsOf = ({ clock }: Pick<Engine, 'clock'>, { stored, invalidatedAt }: Decoded): ReuseFacts => {
  const now = clock()
  // A clock that was set back must not make an invalidation one of the future.
  return reuseFacts(stored, now, invalidatedAt === undefined ? undefined : Math.max(0, now - invalidatedAt))
}
