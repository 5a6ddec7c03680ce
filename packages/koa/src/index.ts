export { healthHandler, isRevalidation } from '@stowage/node'
export { cacheMiddleware, type KoaCache, type RouteMiddleware } from './middleware.ts'
