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

/** The shapes that a framework can have. */
export const shapesFor = ({ node, outer = true }: Framework): readonly Shape[] =>
  every.filter((shape) => (node || shape.needs !== 'node') && (outer || shape.removesOuter !== true))
