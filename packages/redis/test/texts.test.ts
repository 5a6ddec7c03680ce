import { expect, test } from 'vitest'
import { createRandom, pick } from '../../core/test/random.ts'
import { readBack, written } from '../src/texts.ts'

const pieces = [
  '\ud800',
  '\udbff',
  '\udc00',
  '\udfff',
  '\uffff',
  '\ufffd',
  'd800',
  'ffff',
  'a',
  '😀',
  '\0',
  '\n',
]

test('what is written is what is read, and texts that differ are written differently, in UTF-8 as well', () => {
  const random = createRandom(7)
  const seen = new Map<string, string>()
  for (let round = 0; round < 5000; round++) {
    const text = Array.from({ length: 1 + Math.floor(random() * 6) }, () => pick(random, pieces)).join('')
    const sent = Buffer.from(written(text)).toString()
    expect(readBack(sent)).toBe(text)
    expect(seen.get(sent) ?? text).toBe(text)
    seen.set(sent, text)
  }
})
