import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { decode, encode } from '../src/codec.ts'
import type { StoredResponse } from '../src/entry.ts'
import { decodeVariants, encodeVariants } from '../src/variants.ts'
import { cpuTime } from './cpu-time.ts'
import { sealed, storedResponse } from './stored.ts'

const entries: readonly [title: string, stored: StoredResponse][] = [
  ['text', storedResponse({ body: Buffer.from('<p>hello</p>\n'), reason: 'Fine', route: 'GET /a' })],
  ['bytes', storedResponse({ body: Buffer.from([0, 255, 128, 10, 13, 0xed, 0xa0, 0x80]) })],
  [
    'text that is not ASCII',
    storedResponse({ key: 'schlüssel 💾', body: Buffer.from('ü \ufffd 💾 \u07ff') }),
  ],
  ['no body', storedResponse({ status: 204, body: Buffer.alloc(0), headers: { etag: '"é"' } })],
]

/** What a client would see of it, as text. */
const seen = ({ status, reason, headers, body }: StoredResponse): string =>
  JSON.stringify([status, reason, Object.entries(headers), body.toString('hex')])

const all = (stored: StoredResponse): string =>
  JSON.stringify({ ...stored, body: stored.body.toString('hex') })

/** A damaged value is a miss, or it means exactly what it meant before. */
const expectHarmless = (damaged: string, original: StoredResponse): 'miss' | 'same' => {
  const decoded = decode(damaged, original.key)
  if (decoded === undefined) return 'miss'
  expect(seen(decoded)).toBe(seen(original))
  expect(all(decoded)).toBe(all(original))
  return 'same'
}

describe.each(entries)('an entry with %s', (_title, stored) => {
  const value = encode(stored) ?? ''

  test('cut off anywhere is a miss', () => {
    for (let length = 0; length < value.length; length++)
      expect(decode(value.slice(0, length), stored.key)).toBeUndefined()
    const bytes = Buffer.from(value)
    for (let length = 0; length < bytes.length; length++)
      expect(decode(bytes.toString('utf8', 0, length), stored.key)).toBeUndefined()
  })

  test('without any one of its characters is a miss', () => {
    for (let at = 0; at < value.length; at++)
      expect(decode(value.slice(0, at) + value.slice(at + 1), stored.key)).toBeUndefined()
  })

  test('with any bit of any character flipped is a miss, or is what it was', () => {
    let misses = 0
    for (let at = 0; at < value.length; at++)
      for (let bit = 0; bit < 16; bit++) {
        const flipped = String.fromCharCode(value.charCodeAt(at) ^ (1 << bit))
        if (expectHarmless(value.slice(0, at) + flipped + value.slice(at + 1), stored) === 'miss') misses++
      }
    expect(misses).toBeGreaterThan(value.length * 15.5)
  })

  test('with any bit of any byte flipped is a miss, or is what it was', () => {
    const bytes = Buffer.from(value)
    let misses = 0
    for (let at = 0; at < bytes.length; at++)
      for (let bit = 0; bit < 8; bit++) {
        const damaged = Buffer.from(bytes)
        damaged.writeUInt8(bytes.readUInt8(at) ^ (1 << bit), at)
        if (expectHarmless(damaged.toString('utf8'), stored) === 'miss') misses++
      }
    expect(misses).toBeGreaterThan(bytes.length * 7.5)
  })

  test('with two of its characters exchanged is a miss', () => {
    for (let at = 1; at < value.length; at++) {
      if (value[at] === value[at - 1]) continue
      const exchanged = value.slice(0, at - 1) + value.charAt(at) + value.charAt(at - 1) + value.slice(at + 1)
      expect(decode(exchanged, stored.key)).toBeUndefined()
    }
  })
})

describe('a record of variants', () => {
  const record = {
    key: 'k',
    fields: ['accept'],
    variants: [
      ['k | a', 1],
      ['k | ü', 2],
    ],
  } as const
  const value = encodeVariants(record)

  test('comes back as it was, under its own key alone', () => {
    expect(decodeVariants(value, 'k')).toEqual(record)
    expect(decodeVariants(value, 'K')).toBeUndefined()
  })

  test('cut off anywhere or with any bit flipped is a miss, or is what it was', () => {
    for (let at = 0; at < value.length; at++) {
      expect(decodeVariants(value.slice(0, at), 'k')).toBeUndefined()
      for (let bit = 0; bit < 16; bit++) {
        const flipped = String.fromCharCode(value.charCodeAt(at) ^ (1 << bit))
        const decoded = decodeVariants(value.slice(0, at) + flipped + value.slice(at + 1), 'k')
        if (decoded !== undefined) expect(decoded).toEqual(record)
      }
    }
  })
})

describe('ten megabytes of garbage take no longer than 50 ms', () => {
  const size = 10_485_760
  const values: readonly [title: string, value: () => string][] = [
    ['bytes', () => randomBytes(size).toString('latin1')],
    ['characters', () => randomBytes(2 * size).toString('utf16le')],
    ['zeros', () => '\0'.repeat(size)],
    ['one long line behind the start of an entry', () => `c1 00000000\n${'x'.repeat(size)}`],
    ['a head that never ends, with a checksum that holds', () => sealed(`{"k":"${'k'.repeat(size)}`)],
    ['brackets', () => sealed(`${'['.repeat(size)}\n`)],
    ['objects', () => sealed(`[${'{},'.repeat(size / 3)}{}]\n`)],
    ['fields', () => sealed(`{"k":"k","s":200,"h":[${'["a","b"],'.repeat(size / 10)}["a","b"]]}\n`)],
    ['lines', () => sealed('\n'.repeat(size))],
    [
      'a record of variants',
      () => sealed(`{"k":"k","v":[],"i":[${'["a",1],'.repeat(size / 8)}["a",1]]}`, 'v1'),
    ],
  ]
  test.each(values)('%s', (_title, make) => {
    const value = make()
    const spent = cpuTime(() => {
      expect(decode(value, 'k')).toBeUndefined()
      expect(decodeVariants(value, 'k')).toBeUndefined()
    })
    expect(spent).toBeLessThan(50)
  })
})
