import { expect, test } from 'vitest'
import { OldestFirst } from '../src/oldest-first.ts'

/** Sets a key anew, as a change that moves it to the end. */
const renew = (map: Map<string, number>, oldestFirst: OldestFirst<number>, key: string): void => {
  map.delete(key)
  map.set(key, 1)
  oldestFirst.noteChange()
}

const take = (map: Map<string, number>, oldestFirst: OldestFirst<number>): string | undefined => {
  const oldest = oldestFirst.next()
  if (oldest !== undefined) map.delete(oldest[0])
  return oldest?.[0]
}

test('entries come in the order in which they were set last', () => {
  const map = new Map<string, number>()
  const oldestFirst = new OldestFirst(map)
  for (const key of ['a', 'b', 'c', 'd']) renew(map, oldestFirst, key)
  expect(take(map, oldestFirst)).toBe('a')
  renew(map, oldestFirst, 'b')
  renew(map, oldestFirst, 'e')
  expect([1, 2, 3, 4].map(() => take(map, oldestFirst))).toEqual(['c', 'd', 'b', 'e'])
})

test('an empty map has none, and one that fills again has its oldest', () => {
  const map = new Map<string, number>()
  const oldestFirst = new OldestFirst(map)
  expect(oldestFirst.next()).toBeUndefined()
  renew(map, oldestFirst, 'a')
  expect(take(map, oldestFirst)).toBe('a')
  expect(oldestFirst.next()).toBeUndefined()
  renew(map, oldestFirst, 'b')
  expect(take(map, oldestFirst)).toBe('b')
})

test('more changes than there are entries do not disturb the order', () => {
  const map = new Map<string, number>()
  const oldestFirst = new OldestFirst(map)
  for (const key of ['a', 'b', 'c', 'd']) renew(map, oldestFirst, key)
  expect(take(map, oldestFirst)).toBe('a')
  for (let round = 0; round < 100; round += 1) for (const key of ['d', 'c', 'b']) renew(map, oldestFirst, key)
  expect([1, 2, 3].map(() => take(map, oldestFirst))).toEqual(['d', 'c', 'b'])
})
