import type { Framework, Shape } from './shape.ts'
import { bodies } from './shapes/bodies.ts'
import { freshness } from './shapes/freshness.ts'
import { nodeHeads } from './shapes/node-heads.ts'
import { personal } from './shapes/personal.ts'
import { queries } from './shapes/queries.ts'
import { statuses } from './shapes/statuses.ts'
import { streams } from './shapes/streams.ts'
import { unsafe } from './shapes/unsafe.ts'
import { validators } from './shapes/validators.ts'
import { varying } from './shapes/varying.ts'

const every: readonly Shape[] = [
  ...bodies,
  ...nodeHeads,
  ...statuses,
  ...freshness,
  ...varying,
  ...personal,
  ...validators,
  ...queries,
  ...unsafe,
  ...streams,
]

/** Whether a shape is nothing without its policy: not so where that has a lifetime alone, for what is never reused. */
const needsPolicy = ({ policy, invalidates, never }: Shape): boolean => {
  if (invalidates !== undefined) return true
  const hasTtlAlone = typeof policy === 'object' && Object.keys(policy).every((option) => option === 'ttl')
  return policy !== undefined && !(never === true && hasTtlAlone)
}

/** The shapes that a framework can have. */
export const shapesFor = ({ node, outer = true, policies = true }: Framework): readonly Shape[] =>
  every.filter(
    (shape) =>
      (node || shape.needs !== 'node') &&
      (outer || shape.removesOuter !== true) &&
      (policies || !needsPolicy(shape)),
  )
