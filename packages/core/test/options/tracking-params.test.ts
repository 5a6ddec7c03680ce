import { describe, expect, test } from 'vitest'
import { matchesGlob } from '../../src/glob.ts'
import { compileOptions } from '../../src/policy.ts'
import { trackingParams } from '../../src/tracking-params.ts'

const isTracking = (name: string): boolean => trackingParams.some((pattern) => matchesGlob(pattern, name))

describe('the tracking parameters', () => {
  test.each([
    'utm_source',
    'utm_campaign',
    'gclid',
    'gclsrc',
    'dclid',
    'gbraid',
    'wbraid',
    'fbclid',
    'msclkid',
    'mc_cid',
    'mc_eid',
    'yclid',
    'igshid',
    'twclid',
    'ttclid',
    '_ga',
    '_gl',
  ])('cover %s', (name) => {
    expect(isTracking(name)).toBe(true)
  })

  test.each(['q', 'page', 'id', 'ref', 'source', 'campaign', 'utm', 'ga', 'gl', 'lang', 'sort', ''])(
    'leave %s to the application',
    (name) => {
      expect(isTracking(name)).toBe(false)
    },
  )

  test('hold no pattern twice and cannot be changed', () => {
    expect(new Set(trackingParams).size).toBe(trackingParams.length)
    expect(Object.isFrozen(trackingParams)).toBe(true)
  })

  test('can be extended in the options', () => {
    const { policy } = compileOptions(
      { key: { query: { ignore: [...trackingParams, 'ref'] } } },
      'cacheMiddleware',
    )
    expect(policy.key.query).toEqual({ use: 'ignore', names: [...trackingParams, 'ref'].toSorted() })
  })
})
