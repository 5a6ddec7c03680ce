import assert from 'node:assert/strict'
import type { BackendCase } from './backend-case.ts'

const values: Readonly<Record<string, string>> = {
  'one line': 'value',
  empty: '',
  'only white space': ' \t ',
  'a carriage return and line feed of its own': '\r\n',
  'a lone carriage return': 'a\rb',
  'a NUL within': 'before\0after',
  'control characters': '\u0001\u001b\u007f\u0085\u2028',
  accents: 'Ærøskøbing, naïve, Ελλάδα',
  'two forms of one letter': '\u00e9 e\u0301',
  'outside the basic plane': '😀👩‍👩‍👧𐍈',
  'a byte order mark': '\ufefftext',
  JSON: '{"value":null,"expires":0}',
  'a word that means nothing': 'null',
  'a number': '1e3',
}

/** Four methods: what is set is got, what is deleted or was never there is null. */
export const contractCases: readonly BackendCase[] = [
  {
    name: 'a key that was never set is null',
    run: async ({ backend }) => {
      assert.equal(await backend.get('missing'), null)
    },
  },
  {
    name: 'what is set is got, as often as it is asked for',
    run: async ({ backend }) => {
      await backend.set('key', 'value', 60)
      assert.equal(await backend.get('key'), 'value')
      assert.equal(await backend.get('key'), 'value')
      assert.equal(await backend.get('other'), null)
    },
  },
  {
    name: 'a second set replaces the first',
    run: async ({ backend }) => {
      await backend.set('key', 'a longer first value', 60)
      await backend.set('key', 'second', 60)
      assert.equal(await backend.get('key'), 'second')
    },
  },
  {
    name: 'a deleted key is null, and its neighbour is not',
    run: async ({ backend }) => {
      await backend.set('key', 'value', 60)
      await backend.set('neighbour', 'stays', 60)
      await backend.delete('key')
      assert.equal(await backend.get('key'), null)
      assert.equal(await backend.get('neighbour'), 'stays')
    },
  },
  {
    name: 'deleting what is not there is no error',
    run: async ({ backend }) => {
      await backend.delete('missing')
      await backend.set('key', 'value', 60)
      await backend.delete('key')
      await backend.delete('key')
      assert.equal(await backend.get('key'), null)
    },
  },
  {
    name: 'a deleted key can be set again',
    run: async ({ backend }) => {
      await backend.set('key', 'first', 60)
      await backend.delete('key')
      await backend.set('key', 'second', 60)
      assert.equal(await backend.get('key'), 'second')
    },
  },
  {
    name: 'values come back unchanged, whatever characters they have',
    run: async ({ backend }) => {
      for (const [title, value] of Object.entries(values)) await backend.set(`value: ${title}`, value, 60)
      for (const [title, value] of Object.entries(values)) {
        assert.equal(await backend.get(`value: ${title}`), value, title)
      }
    },
  },
  {
    name: 'a value of 1 MB comes back unchanged',
    run: async ({ backend }) => {
      const value = 'stored response – '.repeat(2 ** 20 / 20)
      await backend.set('large', value, 60)
      assert.equal((await backend.get('large')) === value, true, 'the value differs')
    },
  },
  {
    name: 'ten operations at once do not disturb each other',
    run: async ({ backend }) => {
      const numbers = Array.from({ length: 10 }, (_, index) => index)
      await Promise.all(numbers.map(async (n) => backend.set(`key:${n}`, `value ${n}`, 60)))
      const got = await Promise.all(numbers.map(async (n) => backend.get(`key:${n}`)))
      assert.deepEqual(
        got,
        numbers.map((n) => `value ${n}`),
      )
      await Promise.all(numbers.map(async (n) => (n % 2 === 0 ? backend.delete(`key:${n}`) : undefined)))
      const left = await Promise.all(numbers.map(async (n) => backend.get(`key:${n}`)))
      assert.deepEqual(
        left,
        numbers.map((n) => (n % 2 === 0 ? null : `value ${n}`)),
      )
    },
  },
  {
    name: 'close can be called twice',
    run: async ({ backend }) => {
      await backend.set('key', 'value', 60)
      await backend.close()
      await backend.close()
      assert.equal(await backend.get('key'), null)
    },
  },
  {
    name: 'after close nothing is stored and nothing fails',
    run: async ({ backend }) => {
      await backend.close()
      await backend.set('key', 'value', 60)
      await backend.delete('key')
      await backend.set('key', 'value', 60)
      assert.equal(await backend.get('key'), null)
    },
  },
]
