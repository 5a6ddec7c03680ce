export { type Adapter, cacheFor, isCache, openForward, selectorFor } from './adapter.ts'
export { attach, attachedTo, isRevalidation, joinHandlers, replayOf } from './attached.ts'
export { type ParsedRequest, readBody } from './body.ts'
export { sourceOf } from './body-source.ts'
export { type CachedListener, cached, type Http2Listener } from './cached.ts'
export { capture } from './capture.ts'
export type { Captured, UnsentBody } from './captured.ts'
export { endUntold } from './endings.ts'
export { isGone } from './gone.ts'
export { keepHead } from './head.ts'
export { currentFields, editRequest, type ResponseFields } from './headers.ts'
export { healthHandler } from './health.ts'
export { atRoute, inFront, invalidating, type Layer } from './places.ts'
export { checkAll, checkFits, checkOneOf } from './problems.ts'
export { replay } from './replay.ts'
export { type Act, type RouteMethods, routeMethods } from './route-methods.ts'
export { putHead, send } from './send.ts'
export { makeRoomForTrailers } from './trailers.ts'
export {
  type Sendable,
  settleUnsent,
  type Unsent,
  type UnsentExchange,
  withoutContent,
} from './unsent.ts'
export { UnsentCapture, type UnsentReply } from './unsent-capture.ts'
