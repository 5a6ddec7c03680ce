export type { CommandArgument, RedisClient, RedisPipeline } from './client.ts'
export type { RedisOptions, RedisTls } from './options.ts'
export { redis } from './redis.ts'
export type { RedisStats } from './stats.ts'
