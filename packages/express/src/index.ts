export { healthHandler, isRevalidation } from '@stowage/node'
export { cacheMiddleware, type ExpressCache, type RouteHandler } from './middleware.ts'
