import { memory } from '@stowage/core'
import { asyncBackend, fakeClock, mockBackend } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'

describe('fakeClock', () => {
  test('stands still until it is moved', () => {
    const clock = fakeClock()
    expect(clock()).toBe(Date.UTC(2030, 0, 1))
    clock.advance(1500)
    expect(clock()).toBe(Date.UTC(2030, 0, 1) + 1500)
    expect(clock.now()).toBe(clock())
    clock.set(42)
    expect([clock(), clock.now()]).toEqual([42, 42])
  })

  test('starts where it is told, and each is its own', () => {
    const [one, other] = [fakeClock(0), fakeClock(0)]
    one.advance(5)
    expect([one(), other()]).toEqual([5, 0])
  })
})

describe('mockBackend', () => {
  test('records what it was asked, in order, and forgets it on reset', () => {
    const backend = mockBackend()
    backend.set('a', '1', 60)
    backend.get('a')
    backend.delete('a')
    backend.close()
    expect(backend.calls).toEqual([
      { operation: 'set', args: ['a', '1', 60] },
      { operation: 'get', args: ['a'] },
      { operation: 'delete', args: ['a'] },
      { operation: 'close', args: [] },
    ])
    backend.reset()
    expect(backend.calls).toEqual([])
  })

  test('has the four methods and no capability', () => {
    const backend = mockBackend({ name: 'double' })
    expect(backend.name).toBe('double')
    for (const name of ['has', 'clear', 'keys', 'getMany', 'stats', 'tags', 'connect']) {
      expect(name in backend).toBe(false)
    }
  })

  test('shows what is stored', () => {
    const clock = fakeClock(1000)
    const backend = mockBackend({ clock })
    backend.set('a', '1', 2)
    expect([...backend.entries]).toEqual([['a', { value: '1', expiresAt: 3000 }]])
    clock.advance(2000)
    expect(backend.get('a')).toBeNull()
    expect(backend.entries.size).toBe(1)
    backend.reset()
    expect(backend.entries.size).toBe(0)
  })
})

describe('asyncBackend', () => {
  test('every answer is a promise, those of the tag state too', async () => {
    const backend = asyncBackend(memory())
    for (const answer of [
      backend.set('a', '1', 60),
      backend.get('a'),
      backend.has?.('a'),
      backend.stats?.(),
      backend.tags?.head(),
      backend.tags?.bump(['t:a']),
    ]) {
      expect(answer).toBeInstanceOf(Promise)
    }
    expect(await backend.get('a')).toBe('1')
    expect(await backend.tags?.read(['t:a'])).toEqual([1])
    expect(backend.tags).toBe(backend.tags)
    await backend.close()
  })

  test('an error thrown becomes a rejection', async () => {
    const backend = asyncBackend({
      ...mockBackend(),
      get: () => {
        throw new Error('broken')
      },
    })
    await expect(backend.get('a')).rejects.toThrow('broken')
  })

  test('neither adds nor removes a capability, and leaves the name', () => {
    const bare = asyncBackend(mockBackend({ name: 'double' }))
    expect(bare.name).toBe('double')
    expect('keys' in bare).toBe(false)
    expect(bare.keys).toBeUndefined()
    expect(typeof asyncBackend(memory()).keys).toBe('function')
  })

  test('a frozen backend can be wrapped', async () => {
    const backend = asyncBackend(Object.freeze({ ...mockBackend() }))
    await backend.set('a', '1', 60)
    expect(await backend.get('a')).toBe('1')
  })
})
