import { expect, test } from 'vitest'
import { shareShape } from '../src/shared-shape.ts'

test('an object has the same properties with the same values afterwards', () => {
  const target = { first: 1, kept: null as null | number, last: undefined }
  shareShape(target, 'kept')
  expect(Object.entries(target).sort()).toEqual([
    ['first', 1],
    ['kept', null],
    ['last', undefined],
  ])
})

test('a property that an object inherits does not become its own', () => {
  const target: { inherited: number } = Object.create({ inherited: 1 })
  shareShape(target, 'inherited')
  expect(Object.keys(target)).toEqual([])
})
