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

  const addAll = (entries: DecodedEntries, from: number, to: number): void => {
    for (let i = from; i < to; i++) entries.add(String(i), text(1000), entry(1000))
  }
  const keptOf = (entries: DecodedEntries, upTo: number): number[] =>
    Array.from({ length: upTo }, (_, i) => i).filter((i) => entries.get(String(i), text(1000)))

  test('are frozen once they are kept, since all hits share them', () => {
    const entries = new DecodedEntries(100_000)
    const { stored } = entries.add('k', 'a', {
      ...storedResponse(),
      headers: { ...storedResponse().headers },
    })
    expect([stored, stored.headers].map((each) => Object.isFrozen(each))).toEqual([true, true])
  })

  test('are bounded in bytes of text, body and what each costs beside them', () => {
    const entries = new DecodedEntries(10 * (1024 + 2000))
    addAll(entries, 0, 1000)
    expect(keptOf(entries, 1000)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('get a place at their second decoding where there is no more room', () => {
    const entries = new DecodedEntries(10 * (1024 + 2000))
    addAll(entries, 0, 20)
    expect(keptOf(entries, 20)).not.toContain(15)
    entries.add('15', text(1000), entry(1000))
    expect(entries.get('15', text(1000))).toBeDefined()
    expect(keptOf(entries, 20)).toHaveLength(10)
  })

  test('of many asked for alike hardly any takes the place of another', () => {
    const entries = new DecodedEntries(10 * (1024 + 2000))
    addAll(entries, 0, 200_000)
    addAll(entries, 0, 200_000)
    // Deterministic: two pairs of these ids share a hash and come close to each other.
    expect(keptOf(entries, 10)).toHaveLength(8)
  })

  test('what was used since the last round outlasts what was not', () => {
    const entries = new DecodedEntries(10 * (1024 + 2000))
    addAll(entries, 0, 10)
    for (let i = 10; i < 1000; i++) {
      expect(entries.get('0', text(1000))).toBeDefined()
      addAll(entries, i, i + 1)
      addAll(entries, i, i + 1)
      expect(entries.get('0', text(1000))).toBeDefined()
    }
    expect(entries.get('1', text(1000))).toBeUndefined()
    expect(entries.get('999', text(1000))).toBeDefined()
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
