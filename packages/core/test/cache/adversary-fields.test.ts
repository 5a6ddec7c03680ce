import { describe, expect, test } from 'vitest'
import { createSite } from './site.ts'

describe('a Vary that may mean anything is met by nobody', () => {
  const values = [
    '*',
    ' * ',
    '**',
    '*,',
    'accept, *',
    'accept, **',
    '*a',
    'a*',
    '"*"',
    'accept-language ;q',
    '\\*',
  ]
  test.each(values)('%j', async (vary) => {
    const site = createSite({ ttl: 60 }, () => ({ headers: { vary } }))
    for (const runs of [1, 2]) {
      expect((await site.get('/a')).how).not.toMatch(/hit|stored/)
      expect(site.runs).toHaveLength(runs)
    }
  })
})

describe('a response that hands out a credential is not stored', () => {
  const fields = [
    'x-csrf-token',
    'x-xsrf-token',
    'csrf-token',
    'x-auth-token',
    'x-access-token',
    'authentication-info',
  ]
  test.each(fields)('%s', async (field) => {
    const site = createSite({ ttl: 60 }, ({ number }) => ({ headers: { [field]: `token ${number}` } }))
    for (const number of [1, 2]) {
      const served = await site.get('/a')
      expect(served.headers[field]).toBe(`token ${number}`)
      expect(served.how).not.toMatch(/hit|stored/)
    }
  })
})

describe('what names one exchange is not replayed to others', () => {
  const fields = [
    'x-trace-id',
    'x-amzn-trace-id',
    'x-b3-traceid',
    'x-b3-spanid',
    'b3',
    'cf-ray',
    'x-request-id',
    'traceparent',
  ]
  test.each(fields)('%s', async (field) => {
    const site = createSite({ ttl: 60 }, () => ({ headers: { [field]: 'of the first', 'x-kept': 'yes' } }))
    expect((await site.get('/a')).headers[field]).toBe('of the first')
    const second = await site.get('/a')
    expect(second.how).toMatch(/^stowage; hit/)
    expect(second.headers[field]).toBeUndefined()
    expect(second.headers['x-kept']).toBe('yes')
  })
})
