import { describe, expect, test } from 'vitest'
import { DecodedEntries } from '../src/decoded.ts'
import { storedResponse } from './stored.ts'

const entry = (bytes: number) => storedResponse({ body: Buffer.alloc(bytes) })
const text = (length: number, letter = 'a'): string => letter.repeat(length)

describe('decoded entries', () => {
  test('answer for exactly the text that they were decoded from', () => {
    const entries = new DecodedEntries(100_000)
    const decoded = entries.add('k', text(10), entry(10))
    expect(entries.get('k', text(10))).toBe(decoded)
    expect(entries.get('k', text(10, 'b'))).toBeUndefined()
    expect(entries.get('k', text(9))).toBeUndefined()
    expect(entries.get('K', text(10))).toBeUndefined()
  })

  test('are undecided until somebody has asked whether they are still valid', () => {
    const { seq, epoch, invalidatedAt } = new DecodedEntries(100_000).add('k', 'a', entry(1))
    expect({ seq, epoch, invalidatedAt }).toEqual({ seq: -1, epoch: '', invalidatedAt: undefined })
  })

  test('are replaced, deleted and cleared', () => {
    const entries = new DecodedEntries(100_000)
    entries.add('k', 'a', entry(1))
    const second = entries.add('k', 'b', entry(1))
    expect(entries.get('k', 'a')).toBeUndefined()
    expect(entries.get('k', 'b')).toBe(second)
    entries.delete('k')
    entries.delete('k')
    expect(entries.get('k', 'b')).toBeUndefined()
    entries.add('k', 'a', entry(1))
    entries.clear()
    expect(entries.get('k', 'a')).toBeUndefined()
  })

  test('are bounded in bytes of text, body and what each costs beside them', () => {
    const entries = new DecodedEntries(10 * (1024 + 2000))
    for (let i = 0; i < 1000; i++) entries.add(String(i), text(1000), entry(1000))
    const kept = Array.from({ length: 1000 }, (_, i) => i).filter((i) => entries.get(String(i), text(1000)))
    expect(kept).toEqual([990, 991, 992, 993, 994, 995, 996, 997, 998, 999])
  })

  test('what was used since the last round outlasts what was not', () => {
    const entries = new DecodedEntries(10 * (1024 + 2000))
    for (let i = 0; i < 1000; i++) {
      entries.add(String(i), text(1000), entry(1000))
      expect(entries.get('0', text(1000))).toBeDefined()
    }
    expect(entries.get('1', text(1000))).toBeUndefined()
  })

  test('one that is larger than all the room is not kept, and does not stay in the way', () => {
    const entries = new DecodedEntries(10_000)
    expect(entries.add('large', text(20_000), entry(20_000)).stored.body.length).toBe(20_000)
    expect(entries.get('large', text(20_000))).toBeUndefined()
    entries.add('small', 'a', entry(1))
    expect(entries.get('small', 'a')).toBeDefined()
  })

  test('replacing an entry again and again keeps the account right', () => {
    const entries = new DecodedEntries(3 * (1024 + 2000))
    for (let i = 0; i < 1000; i++) entries.add('k', text(1000, String(i % 10)), entry(1000))
    entries.add('a', text(1000), entry(1000))
    entries.add('b', text(1000), entry(1000))
    expect(entries.get('k', text(1000, '9'))).toBeDefined()
    for (let i = 0; i < 1000; i++) entries.delete('k')
    entries.add('c', text(1000), entry(1000))
    expect(['a', 'b', 'c'].every((id) => entries.get(id, text(1000)) !== undefined)).toBe(true)
  })
})
