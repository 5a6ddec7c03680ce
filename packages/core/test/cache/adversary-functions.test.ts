import type { CacheOptions } from '@stowage/core'
import { beforeEach, describe, expect, test } from 'vitest'
import { muteWarnings } from '../warnings.ts'
import { createSite, type Served } from './site.ts'

muteWarnings()

const unhandled: unknown[] = []
const note = (error: unknown): void => void unhandled.push(error)

beforeEach(() => {
  unhandled.length = 0
  process.on('unhandledRejection', note)
  return () => void process.off('unhandledRejection', note)
})

/** Rejections that nobody has handled are announced after the turn they came in. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))

/** Answers of the wrong type, as functions without types give them. */
const odd: readonly [name: string, answer: unknown][] = [
  ['a number', 7],
  ['a negative number', -1],
  ['text', 'x'],
  ['an object', {}],
  ['a function', () => true],
  ['a symbol', Symbol('x')],
  ['null', null],
  ['nothing', undefined],
]

describe('when answers by true alone', () => {
  test.each(odd)('%s is no permission', async (_name, answer) => {
    const site = createSite({ ttl: 60, when: () => answer as boolean })
    for (const number of [1, 2]) {
      expect(await site.get('/a')).toMatchObject({ status: 200, how: expect.stringMatching(/fwd=bypass/) })
      expect(site.runs).toHaveLength(number)
    }
  })
})

describe('a policy function that answers with a promise costs the cache, and leaves no rejection behind', () => {
  const options: Record<string, (of: () => never) => CacheOptions> = {
    scope: (of) => ({ scope: of }),
    when: (of) => ({ when: of }),
    'key.by': (of) => ({ key: { by: { a: of } } }),
    ttl: (of) => ({ ttl: of }),
    tags: (of) => ({ tags: of }),
    clientDirectives: (of) => ({ clientDirectives: of }),
  }
  const promises: Record<string, () => unknown> = {
    fulfilled: async () => 'x',
    rejected: () => Promise.reject(new Error('async')),
    'rejected with nothing': () => Promise.reject(undefined),
  }
  const rows = Object.keys(options).flatMap((option) =>
    Object.keys(promises).map((kind) => [option, kind] as const),
  )
  test.each(rows)('%s: %s', async (option, kind) => {
    const made = options[option]?.(promises[kind] as () => never)
    const site = createSite({ ttl: 60, ...made })
    const codes = new Set<string>()
    site.cache.on('error', ({ code }) => codes.add(code))
    for (const number of [1, 2]) {
      expect(await site.get('/a')).toMatchObject({ status: 200, body: 'hello' })
      expect(site.runs).toHaveLength(number)
    }
    await turn()
    expect(unhandled).toEqual([])
    expect([...codes]).toEqual(['POLICY_FUNCTION'])
  })
})

describe('a name from the handler that is no field name', () => {
  const answers = async (name: string): Promise<readonly Served[]> => {
    const site = createSite({ ttl: 60 }, ({ forward }) => {
      forward.handler.vary('accept', name)
      return { body: 'x' }
    })
    return [await site.get('/a'), await site.get('/a')]
  }
  test.each(['a\nb', 'a\r\nx: y', 'a b', 'a,b', '', '*', 'ü', '\0'])(
    '%j: shared with nobody',
    async (name) => {
      for (const { status, headers, how } of await answers(name)) {
        expect(status).toBe(200)
        expect(how).not.toMatch(/hit|stored/)
        expect(headers.vary ?? '').not.toMatch(/[\n\r\0ü]/)
      }
    },
  )
})
