import { CacheConfigError, memory, type ResilientOptions, resilient } from '@stowage/core'
import { mockBackend } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'

const rows: readonly [options: object, code: string, path: string][] = [
  [{ deadlin: 1 }, 'CACHE_CONFIG_UNKNOWN_OPTION', 'resilient.deadlin'],
  [{ deadline: 0 }, 'CACHE_CONFIG_RANGE', 'resilient.deadline'],
  [{ deadline: 250 }, 'CACHE_CONFIG_RANGE', 'resilient.deadline'],
  [{ deadline: '5 s' }, 'CACHE_CONFIG_DURATION', 'resilient.deadline'],
  [{ retryAttempts: 0 }, 'CACHE_CONFIG_RANGE', 'resilient.retryAttempts'],
  [{ retryBackoffBase: 0 }, 'CACHE_CONFIG_RANGE', 'resilient.retryBackoffBase'],
  [{ circuitBreakerThreshold: 0 }, 'CACHE_CONFIG_RANGE', 'resilient.circuitBreakerThreshold'],
  [
    { circuitBreakerTimeout: Number.POSITIVE_INFINITY },
    'CACHE_CONFIG_RANGE',
    'resilient.circuitBreakerTimeout',
  ],
  [{ fallback: mockBackend() }, 'CACHE_CONFIG_TYPE', 'resilient.fallback'],
  [{ fallback: 'yes' }, 'CACHE_CONFIG_TYPE', 'resilient.fallback'],
  [{ logger: {} }, 'CACHE_CONFIG_TYPE', 'resilient.logger'],
  [{ onCircuit: 1 }, 'CACHE_CONFIG_TYPE', 'resilient.onCircuit'],
]

describe('resilient() refuses', () => {
  test.each(rows)('%j', (options, code, path) => {
    expect(() => resilient(memory(), options as ResilientOptions)).toThrow(
      expect.objectContaining({ name: 'CacheConfigError', code, path }),
    )
  })

  test('all that is wrong at once', () => {
    try {
      resilient(memory(), { deadline: 0, retryAttempts: 0 })
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(CacheConfigError)
      expect((error as CacheConfigError).problems).toHaveLength(2)
    }
  })
})
