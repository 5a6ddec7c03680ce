import { describe, expect, it } from 'vitest'
import { newFieldTable } from '../src/field-table.ts'

describe('a field table', () => {
  it('has no field that was not put there, by whatever name', () => {
    const fields = newFieldTable()
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf'])
      expect(fields[name]).toBeUndefined()
    const names: string[] = []
    for (const name in fields) names.push(name)
    expect(names).toEqual([])
  })

  it('keeps a field that is called like something of an object', () => {
    const fields = newFieldTable()
    const other = newFieldTable()
    for (const name of ['__proto__', 'constructor', 'toString']) fields[name] = name
    expect(Object.keys(fields)).toEqual(['__proto__', 'constructor', 'toString'])
    expect(Object.values(fields)).toEqual(['__proto__', 'constructor', 'toString'])
    expect(Object.keys(other)).toEqual([])
    expect('__proto__' in other).toBe(false)
  })
})
