import { findServer } from './find-server.ts'

/** How to get what is missing, in one line. */
export const missingServer =
  'These tests need redis-server or valkey-server on the PATH: apt-get install -y redis-server, or brew install redis.'

/** The file of a server, installed where it may be; throws a line that says how to get one. */
export const redisServer = (): string =>
  findServer({ names: ['redis-server', 'valkey-server'], debian: 'redis-server', missing: missingServer })
