import assert from 'node:assert/strict'
import type { BackendCase } from './backend-case.ts'

const long = 'k'.repeat(2048)

/** Each of these is a key of its own, to every store. */
const hostileKeys: readonly string[] = [
  ...[
    'key',
    'Key',
    'KEY',
    'key ',
    ' key',
    'key\0',
    'key\0more',
    'key\n',
    'key\r\n',
    'key\r\nDEL other',
    'key\t',
  ],
  ...['a/b', 'a//b', '/a/b', 'a/b/', 'a\\b', 'a%2Fb', 'a%2fb', 'a:b', 'a::b', 'a;b', 'a?b', 'a#b', 'a&b=c'],
  ...['.', '..', '../', '../../etc/passwd', './key', 'key/..', 'CON', 'key.json', '~', '-', '--help'],
  ...[
    '*',
    '?',
    '**',
    'k*',
    'ke?',
    '[k]ey',
    '{key}',
    '$key',
    '^key$',
    '%',
    '%s',
    '_',
    "'",
    "key'; --",
    '"',
    '`',
  ],
  ...[
    '__proto__',
    'constructor',
    'prototype',
    'hasOwnProperty',
    'toString',
    'null',
    'undefined',
    '0',
    '-0',
    '1e0',
    '1',
  ],
  ...[
    'é',
    'e\u0301',
    'É',
    'ß',
    'ss',
    'İ',
    'ı',
    'K',
    '\u212a',
    '😀',
    '👩‍👩‍👧',
    'ключ',
    '鍵',
    '\u202ekey',
    '\ufeffkey',
  ],
  ...[long, `${long}k`, `${long.slice(1)}K`, `K${long.slice(1)}`, `${long}😀`, 'http://example.com/a?b=c d'],
]

/** A key is any string, and only itself. */
export const keyCases: readonly BackendCase[] = [
  {
    name: 'keys that resemble each other, paths, patterns or code are each their own',
    run: async ({ backend }) => {
      for (const [index, key] of hostileKeys.entries()) await backend.set(key, `value ${index}`, 60)
      for (const [index, key] of hostileKeys.entries()) {
        assert.equal(await backend.get(key), `value ${index}`, `key ${JSON.stringify(key.slice(-40))}`)
      }
    },
  },
  {
    name: 'keys that differ only in case do not collide',
    run: async ({ backend }) => {
      await backend.set('user:Anna', 'upper', 60)
      assert.equal(await backend.get('user:anna'), null)
      await backend.set('user:anna', 'lower', 60)
      await backend.delete('USER:ANNA')
      assert.equal(await backend.get('user:Anna'), 'upper')
      assert.equal(await backend.get('user:anna'), 'lower')
    },
  },
  {
    name: 'deleting a key that looks like a pattern or a path deletes that key alone',
    run: async ({ backend }) => {
      const keys = ['user:1', 'user:2', 'a/b']
      for (const key of keys) await backend.set(key, key, 60)
      for (const key of ['*', 'user:*', 'user:?', '../a/b', 'a', 'a/', '', 'user:']) await backend.delete(key)
      for (const key of keys) assert.equal(await backend.get(key), key)
    },
  },
  {
    name: 'keys named as members of objects are missing until they are set',
    run: async ({ backend }) => {
      for (const key of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length']) {
        assert.equal(await backend.get(key), null, key)
        await backend.set(key, key, 60)
        assert.equal(await backend.get(key), key)
      }
      assert.equal(Object.hasOwn(Object.prototype, 'value'), false)
    },
  },
]
