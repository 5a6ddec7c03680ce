export { cachePlugin, type FastifyCacheOptions, isRevalidation } from './plugin.ts'
