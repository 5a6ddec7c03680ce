import { rm } from 'node:fs/promises'
import { createCache } from '@stowage/core'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { disk, type FileSystem, type OpenFile } from '../../src/backends/file-system.ts'
import { askOnce, forwardOf, requestOf } from '../cache/site.ts'
import { filesUnder, openStore } from './file-site.ts'

type Operation = keyof FileSystem | `file.${keyof OpenFile}`

/** A disk on which some operations fail, or take long. */
const faultyDisk = () => {
  const failing = new Map<Operation, string>()
  let delayMs = 0
  const guard = async <T>(operation: Operation, run: () => Promise<T>): Promise<T> => {
    if (delayMs > 0) await new Promise((resume) => setTimeout(resume, delayMs))
    const code = failing.get(operation)
    // A file is closed all the same.
    if (code !== undefined && operation === 'file.close') await run()
    if (code !== undefined) throw Object.assign(new Error(`${code}: injected`), { code })
    return run()
  }
  const guarded = <O extends object>(target: O, prefix: '' | 'file.'): O =>
    new Proxy(target, {
      get: (of, name) => {
        const member: unknown = Reflect.get(of, name)
        if (typeof member !== 'function') return member
        return (...given: unknown[]) =>
          guard(`${prefix}${String(name)}` as Operation, async () => {
            const result: unknown = await Reflect.apply(member, of, given)
            return name === 'open' ? guarded(result as object, 'file.') : result
          })
      },
    })
  const slow = (ms: number): void => {
    delayMs = ms
  }
  // The module of the file system has members that a proxy must not change.
  const fs = guarded<FileSystem>({ ...disk }, '')
  return { fs, failing, slow }
}

const writing: readonly Operation[] = [
  'open',
  'file.write',
  'file.close',
  'rename',
  'stat',
  'mkdir',
  'opendir',
]
const faults: readonly (readonly [string, readonly Operation[]])[] = [
  ['ENOSPC', ['open', 'file.write', 'mkdir', 'link', 'file.datasync']],
  ['EACCES', ['open', 'rename', 'unlink', 'mkdir', 'opendir', 'stat']],
  ['EROFS', ['open', 'rename', 'unlink', 'mkdir', 'link', 'utimes']],
  ['EMFILE', ['open', 'opendir']],
  ['EIO on reading', ['file.read']],
  ['EIO on writing', ['file.write']],
  ['EIO on fsync', ['file.datasync']],
  ['EIO on rename', ['rename']],
  ['EIO on all of it', [...writing, 'file.read', 'file.stat', 'file.datasync', 'link', 'unlink', 'utimes']],
]

describe('file: a disk that fails', () => {
  test.each(faults)(
    'with %s no request fails, nothing is torn, and hits are back when it is over',
    async (name, operations) => {
      const { fs, failing } = faultyDisk()
      const { store, directory } = await openStore({}, fs)
      const cache = createCache({ backend: store, ttl: 60, backendDeadline: '5s' })
      const errors: string[] = []
      cache.on('error', ({ code }) => errors.push(code))
      await askOnce(cache, '/before')
      expect(await askOnce(cache, '/before')).toBe('hit')
      for (const operation of operations) failing.set(operation, name.split(' ')[0] ?? '')
      const during = await Promise.all(Array.from({ length: 40 }, (_, n) => askOnce(cache, `/${n % 20}`)))
      expect(during).toHaveLength(40)
      const invalidated = await cache.invalidate({ url: '/before' }).then(
        () => true,
        () => false,
      )
      failing.clear()
      // The breaker in front of the store asks it once a second while it is given up.
      await expect.poll(async () => (await cache.health()).status, { timeout: 10_000 }).toBe('healthy')
      // Either it was told that it failed, or it holds.
      if (invalidated) expect(await askOnce(cache, '/before')).toBe('miss')
      await askOnce(cache, '/after')
      expect(await askOnce(cache, '/after')).toBe('hit')
      for (const path of await filesUnder(directory)) expect(path).toMatch(/\.(?:json|log|live|tmp)$/)
      const drafts = (await filesUnder(directory)).filter((path) => path.endsWith('.tmp'))
      // Where nothing can be removed a draft stays until a sweep.
      expect(drafts.length).toBeLessThanOrEqual(operations.includes('unlink') ? 60 : 0)
      for await (const key of store.keys()) expect(await store.get(key)).not.toBeNull()
    },
  )

  test('a disk that takes 500 ms for everything costs the deadline, and no more', async () => {
    const { fs, slow } = faultyDisk()
    const { store } = await openStore({}, fs)
    const cache = createCache({ backend: store, ttl: 60, backendDeadline: '100ms' })
    cache.on('error', () => undefined)
    slow(500)
    const began = performance.now()
    const decision = await cache.lookup(requestOf('/a'))
    const took = performance.now() - began
    expect(decision.action).toBe('forward')
    expect(took).toBeLessThan(400)
    forwardOf(decision).abort()
    slow(0)
    await expect.poll(() => askOnce(cache, '/b'), { timeout: 10_000 }).toBe('hit')
  })

  test('what a disk that hangs does not take is refused, and close does not wait for it', {
    timeout: 30_000,
  }, async () => {
    const hanging: FileSystem = { ...disk, open: () => new Promise(() => undefined) }
    const { store } = await openStore({}, hanging)
    const all = Array.from({ length: 3000 }, (_, n) => store.set(`key:${n}`, 'x'.repeat(10_000), 60))
    const refused = await Promise.race([
      Promise.any(
        all.map((each) =>
          each.then(
            () => 'stored',
            () => 'refused',
          ),
        ),
      ),
      new Promise((resume) => setTimeout(() => resume('nothing'), 5000)),
    ])
    expect(refused).toBe('refused')
    await store.close()
  })

  test('a directory that somebody removed is made again', async () => {
    const { store, directory } = await openStore()
    await store.set('key', 'value', 60)
    const before = await store.tags.bump(['t:a'])
    const { epoch } = await store.tags.head()
    await rm(directory, { recursive: true })
    expect(await store.get('key')).toBeNull()
    await store.set('key', 'again', 60)
    expect(await store.get('key')).toBe('again')
    expect((await store.tags.head()).epoch).not.toBe(epoch)
    // What was stamped in the former life and is asked for now has lost to whatever happened there.
    expect((await store.tags.read(['t:a']))[0]).toBeGreaterThanOrEqual(before)
  })

  test('also by a process that has not written for a while', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    const { store, directory } = await openStore()
    await store.set('key', 'value', 60)
    await rm(directory, { recursive: true })
    vi.setSystemTime(Date.now() + 6000)
    await store.set('key', 'again', 60)
    expect(await store.get('key')).toBe('again')
  })

  test('a healthy disk is healthy, one that fails is not', async () => {
    const { fs, failing } = faultyDisk()
    const { store } = await openStore({}, fs)
    expect(await store.health()).toMatchObject({ status: 'healthy', connected: true })
    failing.set('file.write', 'ENOSPC')
    expect(await store.health()).toMatchObject({
      status: 'unhealthy',
      connected: false,
      error: 'ENOSPC: injected',
    })
    failing.clear()
    expect(await store.health()).toMatchObject({ status: 'healthy' })
    await store.close()
    expect(await store.health()).toMatchObject({ status: 'unhealthy', error: 'closed' })
  })
})
