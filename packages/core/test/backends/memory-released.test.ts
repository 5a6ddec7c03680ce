import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createCache, memory } from '@stowage/core'
import { fakeClock } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { forwardOf, requestOf } from '../cache/site.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const isCollected = (reference: WeakRef<object>): boolean => {
  collect()
  return reference.deref() === undefined
}

describe('memory: what nobody holds any more', () => {
  test('is collected, though it was not closed and its entries have not expired', async () => {
    const create = (): WeakRef<object> => {
      const store = memory({ clock: fakeClock() })
      store.set('key', 'value', 60)
      return new WeakRef(store)
    }
    const reference = create()
    await expect.poll(() => isCollected(reference)).toBe(true)
  })

  test('is collected with the cache that it was made for', async () => {
    const create = (): WeakRef<object> => {
      const backend = memory({ clock: fakeClock() })
      const forward = forwardOf(createCache({ backend, ttl: '1m' }).lookup(requestOf('/a')) as never)
      forward.respond({ status: 200, headers: {} })
      forward.write(Buffer.from('body'))
      forward.end()
      expect(backend.stats().entries).toBe(1)
      return new WeakRef(backend)
    }
    const reference = create()
    await expect.poll(() => isCollected(reference)).toBe(true)
  })
})
