import assert from 'node:assert/strict'
import type { BackendCase, Tested } from './backend-case.ts'

const DAY = 86_400
/** Waiting on a real clock: a timer may be early by a millisecond, a store late by some. */
const MARGIN_MS = 60

/** The rest that `setTimeout` needs to show that somebody gave it more than it can hold: it then fires at once. */
const realPause = (): Promise<void> => new Promise((resume) => setTimeout(resume, 20))

const passTtl = async (tested: Tested, ttl: number): Promise<void> =>
  tested.pass(ttl * 1000 + (tested.controlled ? 1 : MARGIN_MS))

/** Seconds that a test may let pass: cheap with a clock, short with none. */
const shortTtl = ({ controlled }: Tested): number => (controlled ? 10 : 0.05)

/** A value lives for its ttl. */
export const expiryCases: readonly BackendCase[] = [
  {
    name: 'a value is gone when its ttl is over',
    run: async (tested) => {
      const { backend } = tested
      const ttl = shortTtl(tested)
      await backend.set('key', 'value', ttl)
      await backend.set('other', 'stays', 3600)
      if (tested.controlled) {
        await tested.pass(ttl * 1000 - 1)
        assert.equal(await backend.get('key'), 'value', '1 ms before the end')
        await tested.pass(2)
      } else {
        await passTtl(tested, ttl)
      }
      assert.equal(await backend.get('key'), null)
      assert.equal(await backend.get('other'), 'stays')
    },
  },
  {
    name: 'an expired key can be deleted and set again',
    run: async (tested) => {
      const { backend } = tested
      for (const key of ['a', 'b']) await backend.set(key, 'old', shortTtl(tested))
      await passTtl(tested, shortTtl(tested))
      await backend.delete('a')
      await backend.set('b', 'new', 3600)
      assert.equal(await backend.get('a'), null)
      assert.equal(await backend.get('b'), 'new')
    },
  },
  {
    name: 'a ttl with a fraction is neither rounded down to nothing nor up to the next second',
    run: async (tested) => {
      const { backend } = tested
      const ttl = tested.controlled ? 1.5 : 0.4
      await backend.set('key', 'value', ttl)
      if (tested.controlled) await tested.pass(1400)
      assert.equal(await backend.get('key'), 'value')
      await (tested.controlled ? tested.pass(200) : passTtl(tested, ttl))
      assert.equal(await backend.get('key'), null)
    },
  },
  {
    name: 'a set replaces the ttl too, by a longer or a shorter one',
    run: async (tested) => {
      const { backend } = tested
      const ttl = shortTtl(tested)
      await backend.set('longer', 'value', ttl)
      await backend.set('longer', 'value', ttl * 1000)
      await backend.set('shorter', 'value', Number.POSITIVE_INFINITY)
      await backend.set('shorter', 'value', ttl)
      await passTtl(tested, ttl)
      assert.equal(await backend.get('longer'), 'value')
      assert.equal(await backend.get('shorter'), null)
    },
  },
  {
    name: 'reading does not prolong the ttl',
    run: async (tested) => {
      const { backend } = tested
      const ttl = tested.controlled ? 10 : 0.2
      await backend.set('key', 'value', ttl)
      for (const share of [0.4, 0.4, 0.4]) {
        await tested.pass(ttl * share * 1000)
        await backend.get('key')
      }
      await passTtl(tested, 0)
      assert.equal(await backend.get('key'), null)
    },
  },
  {
    name: 'a ttl of Infinity never ends',
    run: async (tested) => {
      await tested.backend.set('key', 'value', Number.POSITIVE_INFINITY)
      await realPause()
      if (tested.controlled) await tested.pass(3650 * DAY * 1000)
      assert.equal(await tested.backend.get('key'), 'value')
    },
  },
  {
    name: 'a ttl of 60 days lasts 60 days',
    run: async (tested) => {
      await tested.backend.set('key', 'value', 60 * DAY)
      await realPause()
      if (tested.controlled) await tested.pass(59 * DAY * 1000)
      assert.equal(await tested.backend.get('key'), 'value')
      if (!tested.controlled) return
      await tested.pass(2 * DAY * 1000)
      assert.equal(await tested.backend.get('key'), null)
    },
  },
]
