export { attach, attachedTo, isRevalidation, joinHandlers, replayOf } from './attached.ts'
export { parsedBody, readBody } from './body.ts'
export { type CachedListener, cached, type Http2Listener } from './cached.ts'
export { type Captured, capture } from './capture.ts'
export { clearReason, customReason } from './head.ts'
export {
  applyEdits,
  applyFields,
  currentFields,
  editRequest,
  fieldsOf,
  type ResponseFields,
  takeBackEdits,
  takeVary,
} from './headers.ts'
export { healthHandler } from './health.ts'
export { replay } from './replay.ts'
export { send } from './send.ts'
