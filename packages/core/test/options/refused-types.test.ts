import { expect, test } from 'vitest'
import { compileOptions } from '../../src/policy.ts'
import { errorOf, testRefusals } from './config-error.ts'

class Incomplete {
  get(): null {
    return null
  }
  close(): void {}
}
const incomplete = new Incomplete()
const nameless = { get: () => null, set: () => {}, delete: () => {} }
const named = { ...nameless, name: 'shelf', set: 'no function' }
const pending = Promise.resolve(nameless)
const part = (): string => 'part'

testRefusals({
  CACHE_CONFIG_UNKNOWN_OPTION: [
    [{ tll: 60 }, 'tll', 60, 'unknown option "tll". Did you mean "ttl"?', 'ttl'],
    [{ TTL: 60 }, 'TTL', 60, 'unknown option "TTL". Did you mean "ttl"?', 'ttl'],
    [{ keyy: 1 }, 'keyy', 1, 'unknown option "keyy". Did you mean "key"?', 'key'],
    [{ sharding: true }, 'sharding', true, 'unknown option "sharding".'],
    [{ sharding: null }, 'sharding', null, 'unknown option "sharding".'],
    [{ cookies: 'a' }, 'cookies', 'a', 'unknown option "cookies". Did you mean "key.cookies"?'],
    [
      { key: { header: 'a' } },
      'key.header',
      'a',
      'unknown option "key.header". Did you mean "key.headers"?',
      'key.headers',
    ],
    [{ collapse: { polls: 1 } }, 'collapse.polls', 1, 'unknown option "collapse.polls".'],
    [
      { collapse: { onTimeOut: 503 } },
      'collapse.onTimeOut',
      503,
      'unknown option "collapse.onTimeOut". Did you mean "collapse.onTimeout"?',
      'collapse.onTimeout',
    ],
    [{ key: { query: { keep: 7 } } }, 'key.query.keep', 7, 'unknown option "key.query.keep".'],
  ],
  CACHE_CONFIG_BACKEND: [
    [
      { backend: incomplete },
      'backend',
      incomplete,
      'backend must have get, set, delete and close; "set" and "delete" are missing on Incomplete.',
    ],
    [
      { backend: nameless },
      'backend',
      nameless,
      'backend must have get, set, delete and close; "close" is missing on the object given.',
    ],
    [
      { backend: named },
      'backend',
      named,
      'backend must have get, set, delete and close; "set" and "close" are missing on shelf.',
    ],
    [{ backend: pending }, 'backend', pending, 'backend is a promise. Await it first.'],
  ],
  CACHE_CONFIG_TYPE: [
    [{ ttl: true }, 'ttl', true, 'ttl must be a duration, false or a function; received true.'],
    [{ ttl: null }, 'ttl', null, 'ttl is null. Leave it out to use the default.', 'undefined'],
    [{ key: { by: null } }, 'key.by', null, 'key.by is null. Leave it out to use the default.', 'undefined'],
    [
      { key: { by: { plan: null } } },
      'key.by.plan',
      null,
      'key.by.plan is null. Leave it out to use the default.',
      'undefined',
    ],
    [
      { status: { 404: null } },
      'status.404',
      null,
      'status.404 is null. Leave it out to use the default.',
      'undefined',
    ],
    [
      { status: { 404: part } },
      'status.404',
      part,
      'status.404 must be a duration or false; received a function.',
    ],
    [
      { status: [404] },
      'status',
      [404],
      'status must be an object such as { 404: "10s" }; received an array.',
    ],
    [{ keep: false }, 'keep', false, 'keep must be a duration; received false.'],
    [{ timeout: false }, 'timeout', false, 'timeout must be a duration; received false.'],
    [{ etag: 'weak' }, 'etag', 'weak', 'etag must be true or false; received "weak".'],
    [
      { heuristic: true },
      'heuristic',
      true,
      'heuristic must be a number above 0 and up to 1, or false; received true.',
      '0.1',
    ],
    [{ methods: 'GET' }, 'methods', 'GET', 'methods must be a list of methods; received "GET".', '["GET"]'],
    [{ methods: [1] }, 'methods', 1, 'methods contains 1, which is not a method.'],
    [
      { tags: 'news' },
      'tags',
      'news',
      'tags must be a list of tags or a function; received "news".',
      '["news"]',
    ],
    [{ tags: ['news', ''] }, 'tags', '', 'tags contains "", which is not a tag.'],
    [
      { tags: new Set(['news']) },
      'tags',
      new Set(['news']),
      'tags must be a list of tags or a function; received an instance of Set.',
    ],
    [
      { scope: 'Public' },
      'scope',
      'Public',
      'scope must be "public", "private" or a function; received "Public".',
      'public',
    ],
    [{ when: true }, 'when', true, 'when must be a function; received true.'],
    [{ collapse: 5 }, 'collapse', 5, 'collapse must be true, false or an object; received 5.'],
    [
      { collapse: { onTimeout: 502 } },
      'collapse.onTimeout',
      502,
      'collapse.onTimeout must be "run", "stale" or 503; received 502.',
    ],
    [
      { maxBodyBytes: {} },
      'maxBodyBytes',
      {},
      'maxBodyBytes must be a finite number of bytes above 0, or a string such as "10mb"; received an object.',
    ],
    [{ key: ['page'] }, 'key', ['page'], 'key must be an object of key rules; received an array.'],
    [
      { key: { query: 'page' } },
      'key.query',
      'page',
      'key.query must be "all", "none", a list of names or { ignore: [names] }; received "page".',
      '["page"]',
    ],
    [
      { key: { query: {} } },
      'key.query.ignore',
      undefined,
      'key.query.ignore must be a list; received undefined.',
    ],
    [
      { key: { query: { ignore: [7] } } },
      'key.query.ignore',
      7,
      'key.query.ignore contains 7, which is not a parameter name.',
    ],
    [
      { key: { by: part } },
      'key.by',
      part,
      'key.by must be an object of functions, by name; received a function.',
    ],
    [
      { key: { by: { plan: 'x-plan' } } },
      'key.by.plan',
      'x-plan',
      'key.by.plan must be a function; received "x-plan".',
    ],
    [
      { key: { body: 'text' } },
      'key.body',
      'text',
      'key.body must be "none", "bytes" or "json"; received "text".',
    ],
    [{ key: { host: 'a' } }, 'key.host', 'a', 'key.host must be true or false; received "a".'],
    [
      { backend: 'redis' },
      'backend',
      'redis',
      'backend must be a backend such as memory(); received "redis".',
    ],
    [{ version: 2 }, 'version', 2, 'version must be a string; received 2.'],
    [{ namespace: 1 }, 'namespace', 1, 'namespace must be a string; received 1.'],
    [
      { clientDirectives: false },
      'clientDirectives',
      false,
      'clientDirectives must be "rfc", "ignore" or a function; received false.',
    ],
    [
      { statusHeader: true },
      'statusHeader',
      true,
      'statusHeader must be the name of a status field, a list of them or false; received true.',
    ],
    [
      { logger: 'console' },
      'logger',
      'console',
      'logger must be an object with debug, info, warn and error, such as console; received "console".',
      'console',
    ],
    [{ clock: 1 }, 'clock', 1, 'clock must be a function that returns milliseconds; received 1.'],
    [
      { ttl: 60, timeout: '1m' },
      'timeout',
      '1m',
      'ttl and timeout are both given. timeout is the former name of ttl: keep ttl alone.',
      'ttl',
    ],
  ],
})

test('a logger without all methods is refused by their names', () => {
  const logger = { debug: part, error: part }
  const { code, message } = errorOf(() => compileOptions({ logger } as never, 'cacheMiddleware'))
  expect(code).toBe('CACHE_CONFIG_TYPE')
  expect(message).toContain('"info" and "warn" are missing.')
})
