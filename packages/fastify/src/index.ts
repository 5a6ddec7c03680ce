export { healthHandler, isRevalidation } from '@stowage/node'
export type { FastifyCacheOptions } from './options.ts'
export { cachePlugin } from './plugin.ts'
