import assert from 'node:assert/strict'
import type { CacheBackend } from '@stowage/core'
import type { BackendCase, Tested } from './backend-case.ts'

const shortTtl = ({ controlled }: Tested): number => (controlled ? 10 : 0.05)

const passTtl = (tested: Tested): Promise<void> => tested.pass(tested.controlled ? 10_001 : 120)

const atomic = (
  names: readonly (keyof CacheBackend)[],
  promise: string,
  run: (tested: Tested) => Promise<void>,
): BackendCase => ({
  name: `${names.join(' and ')}, where ${names.length === 1 ? 'it exists' : 'they exist'}: ${promise}`,
  run: async (tested) => {
    for (const name of names) {
      const kind = typeof tested.backend[name]
      assert.ok(kind === 'function' || kind === 'undefined', `${name} is a ${kind}`)
    }
    if (names.every((name) => tested.backend[name] !== undefined)) await run(tested)
  },
})

/** Resolves when `holds`, or fails: a message takes its time. */
const eventually = async (holds: () => boolean): Promise<void> => {
  const end = performance.now() + 5000
  while (!holds()) {
    assert.ok(performance.now() < end, 'the message did not arrive')
    await new Promise((resume) => setTimeout(resume, 5))
  }
}

const counters: readonly BackendCase[] = [
  atomic(
    ['increment'],
    'counts from 1, each counter for itself, also when many count at once',
    async ({ backend }) => {
      assert.equal(await backend.increment?.('other', 60), 1)
      const counts = await Promise.all(
        Array.from({ length: 20 }, async () => backend.increment?.('counter', 60)),
      )
      assert.deepEqual(
        counts.sort((a, b) => Number(a) - Number(b)),
        Array.from({ length: 20 }, (_, index) => index + 1),
      )
      await backend.delete('counter')
      assert.equal(await backend.increment?.('counter'), 1)
    },
  ),
  atomic(['increment'], 'the ttl is that of the first count', async (tested) => {
    const { backend } = tested
    await backend.increment?.('counter', shortTtl(tested))
    assert.equal(await backend.increment?.('counter', 3600), 2)
    await passTtl(tested)
    assert.equal(await backend.increment?.('counter', 60), 1)
  }),
]

const conditions: readonly BackendCase[] = [
  atomic(['setIfAbsent'], 'one of many sets it, and the others leave it as it is', async (tested) => {
    const { backend } = tested
    const all = Array.from({ length: 10 }, async (_, index) =>
      backend.setIfAbsent?.('lease', `owner ${index}`, 60),
    )
    const won = (await Promise.all(all)).map((set, index) => (set === true ? `owner ${index}` : undefined))
    const winners = won.filter((owner) => owner !== undefined)
    assert.equal(winners.length, 1)
    assert.equal(await backend.get('lease'), winners[0])
  }),
  atomic(['setIfAbsent'], 'what has expired or was deleted is absent', async (tested) => {
    const { backend } = tested
    assert.equal(await backend.setIfAbsent?.('lease', 'first', shortTtl(tested)), true)
    await passTtl(tested)
    assert.equal(await backend.setIfAbsent?.('lease', 'second', 60), true)
    await backend.delete('lease')
    assert.equal(await backend.setIfAbsent?.('lease', 'third', 60), true)
    assert.equal(await backend.get('lease'), 'third')
  }),
  atomic(['compareAndDelete'], 'deletes what it was told, and nothing else', async ({ backend }) => {
    assert.equal(await backend.compareAndDelete?.('missing', ''), false)
    await backend.set('lease', 'mine', 60)
    assert.equal(await backend.compareAndDelete?.('lease', 'yours'), false)
    assert.equal(await backend.get('lease'), 'mine')
    assert.equal(await backend.compareAndDelete?.('lease', 'mine'), true)
    assert.equal(await backend.get('lease'), null)
  }),
  atomic(['setIfOwner'], 'sets for the holder of the lease, and for nobody else', async (tested) => {
    const { backend } = tested
    assert.equal(await backend.setIfOwner?.('key', 'value', 60, 'lease', 'mine'), false)
    await backend.set('lease', 'mine', shortTtl(tested) * 10)
    assert.equal(await backend.setIfOwner?.('key', 'value', 60, 'lease', 'yours'), false)
    assert.equal(await backend.get('key'), null)
    assert.equal(await backend.setIfOwner?.('key', 'value', 60, 'lease', 'mine'), true)
    assert.equal(await backend.get('key'), 'value')
    await backend.delete('lease')
    assert.equal(await backend.setIfOwner?.('key', 'late', 60, 'lease', 'mine'), false)
    assert.equal(await backend.get('key'), 'value')
  }),
]

const messages: readonly BackendCase[] = [
  atomic(
    ['publish', 'subscribe'],
    'a message reaches the listeners of its channel, unchanged',
    async ({ backend }) => {
      const [one, two, other]: [string[], string[], string[]] = [[], [], []]
      const end = await backend.subscribe?.('news', (message) => one.push(message))
      await backend.subscribe?.('news', (message) => two.push(message))
      await backend.subscribe?.('n*', (message) => other.push(message))
      const sent = ['first', '', 'é 😀 \r\n {}']
      for (const message of sent) await backend.publish?.('news', message)
      await eventually(() => one.length === 3 && two.length === 3)
      // A store of several nodes promises no order.
      assert.deepEqual([[...one].sort(), [...two].sort(), other], [[...sent].sort(), [...sent].sort(), []])
      await end?.()
      await backend.publish?.('news', 'last')
      await eventually(() => two.length === 4)
      assert.equal(one.length, 3)
    },
  ),
]

/** What needs one step of the store, and the messages between those who share it. */
export const atomicCases: readonly BackendCase[] = [...counters, ...conditions, ...messages]
