import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type KeptText, MemoryTexts, textOf } from '../../src/backends/memory-texts.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const bufferBytes = (): number => {
  collect()
  return process.memoryUsage().arrayBuffers
}

const held = (kept: KeptText): 'a string' | 'in a buffer' =>
  typeof kept === 'string' ? 'a string' : 'in a buffer'

describe('texts of many entries', () => {
  test('are strings while there is room, and again when room has become free', () => {
    const texts = new MemoryTexts(1000)
    const first = texts.keep('a'.repeat(600))
    const second = texts.keep('b'.repeat(600))
    expect([held(first), held(second)]).toEqual(['a string', 'in a buffer'])
    texts.release(first)
    expect(held(texts.keep('c'.repeat(600)))).toBe('a string')
    expect(textOf(second)).toBe('b'.repeat(600))
  })

  test.each([
    ['nothing', '', 'a string'],
    ['ASCII', 'text', 'in a buffer'],
    ['every byte', Buffer.from(Array.from({ length: 256 }, (_, n) => n)).toString('latin1'), 'in a buffer'],
    ['a character of two bytes', '€', 'a string'],
    ['half of a character', `a\ud800`, 'a string'],
    ['the longest', 'x'.repeat(16 * 1024), 'in a buffer'],
    ['one more than that', 'x'.repeat(16 * 1024 + 1), 'a string'],
  ])('come back as they were: %s', (_title, text, how) => {
    const kept = new MemoryTexts(0).keep(text)
    expect(textOf(kept)).toBe(text)
    expect(held(kept)).toBe(how)
  })

  test('of every length come back beside their neighbours', () => {
    const texts = new MemoryTexts(0)
    const all = Array.from({ length: 16 * 1024 }, (_, n) => String.fromCharCode(33 + (n % 90)).repeat(n + 1))
    const kept = all.map((text) => texts.keep(text))
    expect(kept.every((each, n) => textOf(each) === all[n])).toBe(true)
  })

  test('come and go in any order without touching each other', () => {
    const step = fc.record({ size: fc.nat(3000), drop: fc.boolean(), which: fc.nat(), wide: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), fc.nat(5000), (steps, room) => {
        const texts = new MemoryTexts(room)
        const model: { kept: KeptText; text: string }[] = []
        for (const [n, { size, drop, which, wide }] of steps.entries()) {
          if (drop && model.length > 0) {
            const [gone] = model.splice(which % model.length, 1)
            if (gone !== undefined) texts.release(gone.kept)
          }
          const text = `${n} ${wide ? '€' : ''}${String.fromCharCode(33 + (n % 90)).repeat(size)}`
          model.push({ kept: texts.keep(text), text })
          for (const each of model) expect(textOf(each.kept)).toBe(each.text)
        }
      }),
      { numRuns: 50 },
    )
  })

  test('take the place of those that have gone: no more is held after ten times as many', async () => {
    const texts = new MemoryTexts(0)
    const round = (previous: readonly KeptText[]): readonly KeptText[] => {
      for (const each of previous) texts.release(each)
      return Array.from({ length: 5000 }, (_, n) => texts.keep('y'.repeat(500 + (n % 1000))))
    }
    let kept = round([])
    const before = bufferBytes()
    for (let times = 0; times < 10; times++) kept = round(kept)
    // What is collected is given back beside the program.
    await expect.poll(() => bufferBytes() - before, { timeout: 5000 }).toBeLessThan(4 * 1024 * 1024)
    expect(textOf(kept[0] as KeptText)).toBe('y'.repeat(500))
  })

  test('that stay, a few on each page, move together rather than keep many times the memory of what is there', async () => {
    const texts = new MemoryTexts(0)
    const staying: { kept: KeptText; text: string }[] = []
    const before = bufferBytes()
    for (const size of [200, 1000, 1200, 1500, 1800, 2200, 2600, 3000]) {
      const perPage = Math.floor((256 * 1024) / size)
      const all = Array.from({ length: 60 * perPage }, (_, n) => `${n} of ${size} `.padEnd(size, 'z'))
      const kept = all.map((text) => texts.keep(text))
      for (const [n, each] of kept.entries()) {
        if (n % Math.ceil(perPage / 2) === 0) staying.push({ kept: each, text: all[n] ?? '' })
        else texts.release(each)
      }
      expect(staying.every(({ kept, text }) => textOf(kept) === text)).toBe(true)
    }
    await expect.poll(() => bufferBytes() - before, { timeout: 5000 }).toBeLessThan(24 * 1024 * 1024)
    expect(staying.every(({ kept }) => held(kept) === 'in a buffer')).toBe(true)
  })
})
