export { healthHandler } from '@stowage/node'
export type { FastifyCacheOptions } from './options.ts'
export { cachePlugin, isRevalidation } from './plugin.ts'
