import { type CacheBackend, memory, values } from '@stowage/core'
import { afterEach, describe, expect, test } from 'vitest'
import { createTiered } from '../../src/backends/tiered.ts'
import { fakeTimers, settled } from '../resilience/timers.ts'
import { type Deliver, sharedStore } from './shared-store.ts'

const opened: CacheBackend[] = []
afterEach(async () => {
  for (const backend of opened.splice(0)) await backend.close()
})

/** Two processes on one store, and their time. */
const scene = async (options: { bus?: boolean; deliver?: Deliver } = {}) => {
  const timers = fakeTimers()
  const { bus = true, deliver } = options
  const shared = sharedStore({ clock: timers.now, ...(deliver === undefined ? {} : { deliver }) })
  let asked = 0
  const open = (): CacheBackend => {
    const backend = shared.backend()
    const counted = new Proxy(backend, {
      get: (target, name) => {
        if (name !== 'tags') return Reflect.get(target, name)
        const tags = target.tags
        if (tags === undefined) return undefined
        const head = () => {
          asked++
          return tags.head()
        }
        return { head, read: tags.read, bump: tags.bump }
      },
    })
    const made = createTiered([memory({ clock: timers.now }), counted], { bus }, timers)
    opened.push(made)
    return made
  }
  const [one, two] = [open(), open()]
  const states = [one, two].map(({ tags }) => {
    if (tags === undefined) throw new Error('no tags')
    return tags
  }) as [NonNullable<CacheBackend['tags']>, NonNullable<CacheBackend['tags']>]
  for (const state of states) {
    await state.head()
    await settled()
    await state.head()
    await state.read(['a', 'b'])
  }
  return { timers, shared, one, two, states, asked: () => asked }
}

describe('with a bus', () => {
  test('an invalidation is known in the other process with its message, which asks nobody', async () => {
    const { states, asked } = await scene()
    const [mine, other] = states
    const before = asked()
    const { epoch } = await mine.head()
    expect(await mine.bump(['a'])).toBe(1)
    expect([mine.head(), mine.read(['a', 'b'])]).toEqual([{ epoch, seq: 1 }, [1, 0]])
    await settled()
    expect([other.head(), other.read(['a', 'b'])]).toEqual([{ epoch, seq: 1 }, [1, 0]])
    expect(asked()).toBe(before)
  })

  test('where a message is missing, what is known of tags is forgotten with the next one', async () => {
    let lose = true
    const { states } = await scene({ deliver: (send) => (lose ? undefined : queueMicrotask(send)) })
    const [mine, other] = states
    await mine.bump(['a'])
    lose = false
    await mine.bump(['c'])
    await settled()
    expect(other.head()).toMatchObject({ seq: 2 })
    expect(await other.read(['a', 'b', 'c'])).toEqual([1, 0, 2])
  })

  test('a message that comes late changes nothing any more', async () => {
    const held: (() => void)[] = []
    const { states } = await scene({ deliver: (send) => held.push(send) })
    const [mine, other] = states
    await mine.bump(['a'])
    await mine.bump(['b'])
    for (const send of held.splice(0).reverse()) send()
    expect(other.head()).toMatchObject({ seq: 2 })
    expect(await other.read(['a', 'b'])).toEqual([1, 2])
  })

  test('lost messages are made up for within a second where there is traffic, without anybody waiting', async () => {
    const { states, timers } = await scene({ deliver: () => undefined })
    const [mine, other] = states
    await mine.bump(['a'])
    for (let ms = 0; ms <= 1000; ms += 100) {
      expect(other.head()).not.toBeInstanceOf(Promise)
      await timers.pass(100)
    }
    expect(other.head()).toMatchObject({ seq: 1 })
    expect(await other.read(['a'])).toEqual([1])
  })

  test('messages that arrive again are reason to ask before the next answer, and to drop what is above', async () => {
    const { states, shared, one, two } = await scene({ deliver: () => undefined })
    await one.set('key', 'old', 60)
    expect(await two.get('key')).toBe('old')
    await one.set('key', 'new', 60)
    await states[0].bump(['a'])
    expect(two.get('key')).toBe('old')
    shared.reconnect()
    expect(await states[1].head()).toMatchObject({ seq: 1 })
    expect(await two.get('key')).toBe('new')
  })

  test('values that are set, deleted or cleared are dropped by the others, and by nobody else', async () => {
    const { one, two, timers } = await scene()
    for (const key of ['a', 'b', 'c']) await one.set(key, 'old', 60)
    for (const key of ['a', 'b', 'c']) expect(await two.get(key)).toBe('old')
    await one.set('a', 'new', 60)
    await one.delete('b')
    await timers.pass(10)
    expect(await two.get('a')).toBe('new')
    expect(await two.get('b')).toBeNull()
    expect(one.get('a')).toBe('new')
    await one.clear?.()
    await settled()
    expect(await two.get('c')).toBeNull()
  })

  test('values() of two processes stay in step', async () => {
    const { one, two, timers } = await scene()
    const [mine, other] = [values(one), values(two)]
    await mine.set('user', { name: 'old' })
    expect(await other.get('user')).toEqual({ name: 'old' })
    await mine.set('user', { name: 'new' })
    await timers.pass(10)
    expect(await other.get('user')).toEqual({ name: 'new' })
    await other.delete('user')
    await timers.pass(10)
    expect(await mine.get('user')).toBeUndefined()
  })

  test('many keys go in few messages of bounded size', async () => {
    const { one, shared, timers } = await scene()
    const before = shared.messages.length
    const entries = Array.from({ length: 1000 }, (_, index) => [`key ${index}`, 'value'] as const)
    await one.setMany?.(entries, 60)
    await timers.pass(10)
    const sent = shared.messages.slice(before)
    expect(sent.length).toBe(4)
    await one.set('k'.repeat(200_000), 'value', 60)
    await timers.pass(10)
    expect(Math.max(...shared.messages.map(({ length }) => length))).toBeLessThan(70_000)
  })

  test('what is no message of ours changes nothing, and throws nothing', async () => {
    const { states, shared, two } = await scene()
    await two.set('key', 'value', 60)
    const raw = shared.backend()
    for (const text of [
      '',
      '{',
      'null',
      '[]',
      '{"from":1}',
      '{"from":"x","n":1,"keys":[1]}',
      '{"from":"x","n":1,"bump":{}}',
    ])
      await raw.publish?.('tiered', text)
    await settled()
    expect(two.get('key')).toBe('value')
    expect(states[1].head()).toMatchObject({ seq: 0 })
  })
})

describe('without a bus', () => {
  test('an invalidation is known in the other process within a second, with traffic', async () => {
    const { states, timers } = await scene({ bus: false })
    const [mine, other] = states
    await mine.bump(['a'])
    for (let ms = 0; ms < 1000; ms += 50) {
      expect(other.head()).not.toBeInstanceOf(Promise)
      await timers.pass(50)
    }
    expect(other.head()).toMatchObject({ seq: 1 })
    expect(await other.read(['a'])).toEqual([1])
  })

  test('what is older than a second is not answered with', async () => {
    const { states, timers } = await scene({ bus: false })
    const [mine, other] = states
    await timers.pass(5000)
    await mine.bump(['a'])
    expect(await other.head()).toMatchObject({ seq: 1 })
  })

  test('no timer runs where nobody asks', async () => {
    const { timers } = await scene({ bus: false })
    await timers.pass(5000)
    expect(timers.waiting).toBe(0)
  })

  test('a value that another process has changed is dropped when the cap is over', async () => {
    const { one, two, timers } = await scene({ bus: false })
    await one.set('key', 'old', 3600)
    expect(await two.get('key')).toBe('old')
    await one.set('key', 'new', 3600)
    await timers.pass(59_000)
    expect(await two.get('key')).toBe('old')
    await timers.pass(1001)
    expect(await two.get('key')).toBe('new')
  })
})

describe('a state that begins anew', () => {
  test('is another epoch, and what was asked under the former one is invalid', async () => {
    const { states, shared, timers } = await scene({ bus: false })
    const [, other] = states
    const { epoch } = await other.head()
    shared.lose()
    await timers.pass(2000)
    const next = await other.head()
    expect(next.epoch).not.toBe(epoch)
    expect(await other.read(['a'], epoch)).toEqual([Number.MAX_SAFE_INTEGER])
    expect(await other.read(['a'])).toEqual([Number.MAX_SAFE_INTEGER])
    expect(await other.read(['a'], next.epoch)).toEqual([0])
  })
})
