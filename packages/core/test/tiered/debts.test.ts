import { type CacheBackend, memory } from '@stowage/core'
import { afterEach, describe, expect, test } from 'vitest'
import { createTiered } from '../../src/backends/tiered.ts'
import { fakeTimers, settled } from '../resilience/timers.ts'
import { sharedStore } from './shared-store.ts'

const opened: CacheBackend[] = []
afterEach(async () => {
  for (const backend of opened.splice(0)) await backend.close()
})

type Step = (operation: string) => void | Promise<void>

/** Two processes; the first tier of one answers later, and each of its steps can fail or wait. */
const scene = async ({ clears = true } = {}) => {
  const timers = fakeTimers()
  const faults: { upper: Step; below: Step } = { upper: () => undefined, below: () => undefined }
  const shared = sharedStore({
    clock: timers.now,
    step: async (operation, call) => {
      await faults.below(operation)
      return call()
    },
  })
  const held = memory({ clock: timers.now })
  const step = async <T>(operation: string, run: () => T): Promise<T> => {
    await faults.upper(operation)
    return run()
  }
  const upper: CacheBackend = {
    get: (key) => step('get', () => held.get(key)),
    set: (key, value, ttl) => step('set', () => held.set(key, value, ttl)),
    delete: (key) => step('delete', () => held.delete(key)),
    close: () => undefined,
    ...(clears ? { clear: () => step('clear', () => held.clear()) } : {}),
  }
  const one = createTiered([upper, shared.backend()], {}, timers)
  const two = createTiered([memory({ clock: timers.now }), shared.backend()], {}, timers)
  opened.push(one, two)
  for (const each of [one, two]) await each.get('nothing')
  await settled()
  const pass = async (ms: number): Promise<void> => {
    await timers.pass(ms)
    await settled()
  }
  return { shared, one, two, held, faults, pass }
}

const fail: Step = () => {
  throw new Error('the disk is full')
}

describe('a first tier that has not taken a change', () => {
  test('is not asked for what it may have of before, and is again when that is removed', async () => {
    const { one, two, held, faults, pass } = await scene()
    for (const key of ['mine', 'other', 'third']) await one.set(key, 'old', 60)
    faults.upper = fail
    await one.set('mine', 'new', 60)
    await two.set('other', 'new', 60)
    await pass(10)
    faults.upper = () => undefined
    expect([await one.get('mine'), await one.get('other'), await one.get('third')]).toEqual([
      'new',
      'new',
      'old',
    ])
    expect(await one.getMany?.(['mine', 'third'])).toEqual(
      new Map([
        ['mine', 'new'],
        ['third', 'old'],
      ]),
    )
    await pass(600)
    expect([held.get('mine'), held.get('other')]).not.toContain('old')
    await one.get('mine')
    await settled()
    expect(held.get('mine')).toBe('new')
  })

  test('is not asked either when a refill from before the change has ended', async () => {
    const { one, shared, faults, pass } = await scene()
    shared.store.set('key', 'old', 60)
    let refill = (): void => undefined
    faults.upper = (operation) =>
      operation === 'set' ? new Promise<void>((resume) => (refill = resume)) : undefined
    expect(await one.get('key')).toBe('old')
    await settled()
    faults.upper = fail
    await one.set('key', 'new', 60)
    faults.upper = () => undefined
    refill()
    await settled()
    expect(await one.get('key')).toBe('new')
    await pass(600)
    expect(await one.get('key')).toBe('new')
  })

  test('is emptied where there were too many', async () => {
    const { one, held, faults, pass } = await scene()
    await one.set('old', 'old', 60)
    faults.upper = fail
    const keys = Array.from({ length: 10_001 }, (_, index) => `key ${index}`)
    await expect(one.deleteMany?.(keys)).rejects.toThrow()
    faults.upper = () => undefined
    expect(held.get('old')).toBe('old')
    await pass(3000)
    expect(held.get('old')).toBeNull()
  })

  test('is left alone where messages were lost and it cannot be emptied, until nothing in it is so old', async () => {
    const { one, shared, faults, held, pass } = await scene({ clears: false })
    await pass(61_000)
    await one.set('key', 'old', 600)
    expect(held.get('key')).toBe('old')
    shared.store.set('key', 'new', 600)
    shared.reconnect()
    expect(await one.get('key')).toBe('new')
    faults.below = fail
    await pass(61_000)
    held.set('key', 'of the first tier', 60)
    expect(await one.get('key')).toBe('of the first tier')
    faults.below = () => undefined
  })
})

test('a last tier that has not taken a change does not bring back what it had before', async () => {
  const { one, two, shared, faults, pass } = await scene()
  for (const key of ['set', 'deleted', 'left']) await one.set(key, 'old', 600)
  faults.below = (operation) => (/^(?:set|delete)/.test(operation) ? fail(operation) : undefined)
  await one.set('set', 'new', 600)
  await expect((async () => one.delete('deleted'))()).rejects.toThrow()
  expect([await one.get('set'), await one.get('deleted')]).toEqual(['new', null])
  faults.below = () => undefined
  await pass(3000)
  expect([shared.store.get('set'), shared.store.get('deleted')]).toEqual([null, null])
  await pass(60_000)
  for (const each of [one, two]) {
    expect([await each.get('set'), await each.get('deleted')]).toEqual([null, null])
    expect(await each.get('left')).toBe('old')
  }
})

test('a first message that could not be sent is made up for, by one that says that anything may have changed', async () => {
  const { one, two, shared, faults, pass } = await scene()
  shared.store.set('key', 'old', 60)
  expect(await two.get('key')).toBe('old')
  faults.below = (operation) => (operation === 'publish' ? fail(operation) : undefined)
  await one.set('key', 'new', 60)
  await pass(10)
  faults.below = () => undefined
  expect(await two.get('key')).toBe('old')
  await pass(1000)
  expect(await two.get('key')).toBe('new')
})
