export type { CommandArgument, RedisClient, RedisPipeline } from './client.ts'
export type { RedisOptions, RedisTls } from './options.ts'
export { type RedisBackend, type RedisStats, redis } from './redis.ts'
