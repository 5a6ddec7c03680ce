import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decode, encode } from '../src/codec.ts'
import type { StoredResponse } from '../src/entry.ts'
import { sealed, storedResponse } from './stored.ts'

const encoded = (stored: StoredResponse): string => encode(stored) ?? ''

/** Header maps have no prototype once decoded; that alone is no difference. */
const plain = (stored: StoredResponse | undefined): unknown =>
  stored && {
    ...stored,
    headers: { ...stored.headers },
    directives: { ...stored.directives },
    body: stored.body.toString('hex'),
  }

const expectRoundTrip = (stored: StoredResponse): void => {
  expect(plain(decode(encoded(stored), stored.key))).toEqual(plain(stored))
}

const withBody = (body: Buffer): StoredResponse => storedResponse({ body })

describe('a stored response comes back as it was', () => {
  test('with a body of every byte, alone and all together', () => {
    for (let byte = 0; byte < 256; byte++) expectRoundTrip(withBody(Buffer.from([byte])))
    expectRoundTrip(withBody(Buffer.from(Array.from({ length: 65_536 }, (_, i) => i))))
  })

  const bodies: readonly [string, Buffer][] = [
    ['empty', Buffer.alloc(0)],
    ['a newline', Buffer.from('\n')],
    ['a byte order mark', Buffer.from('\ufeffa')],
    ['text beyond one plane', Buffer.from('💾 ünï \u0000')],
    ['half a character at the end', Buffer.from('💾').subarray(0, 3)],
    ['a surrogate in UTF-8', Buffer.from([0xed, 0xa0, 0x80])],
    ['an overlong form', Buffer.from([0xc0, 0x80])],
    ['what looks like an entry', Buffer.from(encoded(storedResponse()))],
    ['a megabyte', Buffer.alloc(1_048_576, 'é')],
  ]
  test.each(bodies)('with a body: %s', (_title, body) => {
    expectRoundTrip(withBody(body))
  })

  test('with any head', () => {
    const time = fc.double({ min: 0, max: 2 ** 50, noNaN: true }).map((n) => n + 0)
    const name = fc.constantFrom(
      'a',
      'x-b',
      '__proto__',
      'constructor',
      'etag',
      'set-cookie2',
      "!#$%&'*+.^_`|~",
    )
    const octets = fc.string({
      unit: fc
        .integer({ min: 0x20, max: 0xff })
        .filter((c) => c !== 0x7f)
        .map((c) => String.fromCharCode(c)),
    })
    const any = fc.string({ unit: 'binary' })
    const headers = fc
      .dictionary(name, fc.oneof(octets, fc.array(octets, { maxLength: 3 })), {
        maxKeys: 4,
        noNullPrototype: false,
      })
      .map((fields) => Object.fromEntries(Object.entries(fields)))
    const arbitrary = fc.record({
      key: any,
      status: fc.integer({ min: 200, max: 599 }),
      reason: octets,
      headers,
      body: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      requestTime: time,
      responseTime: time,
      freshnessLifetime: time,
      correctedInitialAge: time,
      staleWhileRevalidate: time,
      staleIfError: time,
      handlerMs: time,
      policyFresh: fc.boolean(),
      downstream: fc.boolean(),
      madeEtag: fc.boolean(),
      scoped: fc.boolean(),
      tags: fc.array(any, { maxLength: 3 }),
      stamp: fc.nat(),
      epoch: any,
      run: any,
      route: fc.option(any, { nil: undefined }),
    })
    fc.assert(
      fc.property(arbitrary, (members) => expectRoundTrip(storedResponse(members))),
      { numRuns: 1000 },
    )
  })

  test('each time anew, with a body of its own', () => {
    const text = encoded(storedResponse())
    const [first, second] = [decode(text, 'k'), decode(text, 'k')]
    expect(first).toEqual(second)
    expect(first).not.toBe(second)
    first?.body.fill(0)
    expect(first?.body).not.toEqual(second?.body)
  })
})

describe('a miss is', () => {
  const good = encoded(storedResponse())
  const rows: readonly [title: string, value: string, key: string][] = [
    ['a value under another key', good, 'K'],
    ['a value under the key with something behind', good, 'k '],
    ['a value of an older version', good.replace('c1 ', 'c0 '), 'k'],
    ['a value of a newer version', sealed(good.slice(12), 'c2'), 'k'],
    ['a record of variants', sealed(good.slice(12), 'v1'), 'k'],
    ['nothing', '', 'k'],
    ['a checksum alone', good.slice(0, 12), 'k'],
    [
      'a checksum in capital letters',
      good.slice(0, 3) + good.slice(3, 11).toUpperCase() + good.slice(11),
      'k',
    ],
    ['something in front', ` ${good}`, 'k'],
    ['something behind', `${good} `, 'k'],
    ['two entries', good + good, 'k'],
    ['other line ends', good.replaceAll('\n', '\r\n'), 'k'],
    ['another encoding of the text', Buffer.from(good, 'utf16le').toString('latin1'), 'k'],
  ]
  test.each(rows)('%s', (_title, value, key) => {
    expect(value).not.toBe(good + key)
    expect(decode(value, key)).toBeUndefined()
  })

  test('but the same value under its own key is none', () => {
    expect(decode(good, 'k')).toBeDefined()
  })
})

test('a head too long to be read again is not written', () => {
  const tags = Array.from({ length: 1000 }, (_, i) => `${'t'.repeat(300)}${i}`)
  expect(encode(storedResponse({ tags }))).toBeUndefined()
  expectRoundTrip(storedResponse({ tags: tags.slice(0, 500) }))
})
