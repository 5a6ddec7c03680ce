import assert from 'node:assert/strict'
import type { TagState } from '@stowage/core'
import type { BackendCase } from './backend-case.ts'

const tagCase = (promise: string, run: (state: TagState) => Promise<void>): BackendCase => ({
  name: `tags, where they exist: ${promise}`,
  run: async ({ backend }) => {
    assert.ok(
      backend.tags === undefined || typeof backend.tags === 'object',
      `tags is a ${typeof backend.tags}`,
    )
    if (backend.tags !== undefined) await run(backend.tags)
  },
})

/** The state by which invalidations are told from fills: a count that only grows, and what it was for each tag. */
export const tagCases: readonly BackendCase[] = [
  tagCase('a tag never invalidated is 0, and reading changes nothing', async (state) => {
    const before = await state.head()
    assert.deepEqual([...(await state.read(['t:never', 't:nor this']))], [0, 0])
    assert.deepEqual([...(await state.read([]))], [])
    assert.deepEqual(await state.head(), before)
  }),
  tagCase('bump advances the count by one and is the count of every tag given', async (state) => {
    const { seq } = await state.head()
    assert.equal(await state.bump(['t:a', 't:b']), seq + 1)
    assert.equal(await state.bump(['t:b', 't:c']), seq + 2)
    assert.equal((await state.head()).seq, seq + 2)
    assert.deepEqual([...(await state.read(['t:c', 't:a', 't:b', 't:d']))], [seq + 2, seq + 1, seq + 2, 0])
  }),
  tagCase('a bump of no tag, or of one tag twice, advances the count by one', async (state) => {
    const { seq } = await state.head()
    assert.equal(await state.bump([]), seq + 1)
    assert.equal(await state.bump(['t:a', 't:a']), seq + 2)
    assert.deepEqual([...(await state.read(['t:a', 't:a']))], [seq + 2, seq + 2])
  }),
  tagCase('bumps at the same time each have a count of their own', async (state) => {
    const { seq } = await state.head()
    const counts = await Promise.all(Array.from({ length: 20 }, async () => state.bump(['t:shared'])))
    assert.deepEqual(
      counts.sort((a, b) => a - b),
      Array.from({ length: 20 }, (_, index) => seq + 1 + index),
    )
    assert.deepEqual([...(await state.read(['t:shared']))], [seq + 20])
  }),
  tagCase('the epoch stays while the state lives', async (state) => {
    const { epoch } = await state.head()
    assert.equal(typeof epoch, 'string')
    assert.ok(epoch.length >= 8, `an epoch of ${epoch.length} characters can repeat`)
    await state.bump(['t:a'])
    assert.equal((await state.head()).epoch, epoch)
  }),
  tagCase(
    'tags that resemble each other, patterns or members of objects are each their own',
    async (state) => {
      const tags = [
        't:a',
        't:A',
        't:a ',
        't:*',
        't:?',
        '__proto__',
        'constructor',
        't:é',
        't:e\u0301',
        't:😀',
        't:a\0',
        '',
      ]
      const counts: number[] = []
      for (const tag of tags) counts.push(await state.bump([tag]))
      assert.deepEqual([...(await state.read(tags))], counts)
      assert.deepEqual([...(await state.read(['toString', 't:', 't:b']))], [0, 0, 0])
    },
  ),
]
