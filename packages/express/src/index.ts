export { isRevalidation } from '@stowage/node'
export { cacheMiddleware, type ExpressCache } from './middleware.ts'
