import type { FieldMap } from '@stowage/core'
import { describe, expect, test } from 'vitest'
import { createSite } from './site.ts'

const cookie: FieldMap = { cookie: 'sid=1' }
const authorization: FieldMap = { authorization: 'Bearer 1' }
/** As proxies write them. */
const namesOfUsers = [
  'X-Forwarded-User',
  'X-Forwarded-Email',
  'X-Forwarded-Preferred-Username',
  'X-Auth-Request-User',
  'X-Auth-Request-Email',
  'X-Auth-Request-Preferred-Username',
  'Remote-User',
  'Remote-Email',
  'X-Remote-User',
  'X-WebAuth-User',
  'X-Authentik-Username',
  'X-Authentik-Email',
  'X-Vouch-User',
  'X-Pomerium-Jwt-Assertion',
  'X-Pomerium-Claim-Email',
  'Cf-Access-Jwt-Assertion',
  'Cf-Access-Authenticated-User-Email',
  'X-Goog-Iap-Jwt-Assertion',
  'X-Goog-Authenticated-User-Email',
  'X-Goog-Authenticated-User-Id',
  'X-Ms-Client-Principal',
  'X-Ms-Client-Principal-Name',
  'X-Ms-Client-Principal-Id',
  'X-Amzn-Oidc-Data',
  'X-Amzn-Oidc-Identity',
  'Tailscale-User-Login',
]
const senders: readonly [name: string, headers: FieldMap][] = [
  ['Cookie', cookie],
  ['Authorization', authorization],
  ['X-Api-Key', { 'x-api-key': '1' }],
  ['X-Auth-Token', { 'x-auth-token': '1' }],
  ['X-Access-Token', { 'x-access-token': '1' }],
  ['Proxy-Authorization', { 'proxy-authorization': 'Basic 1' }],
  ...namesOfUsers.map((name): [string, FieldMap] => [name, { [name.toLowerCase()]: 'alice' }]),
  ['an empty Cookie', { cookie: '' }],
  ['both', { ...cookie, ...authorization }],
]

/** What a response permits (RFC 9111 §3.5, §7.3). */
const responses: readonly [cacheControl: string, permits: (sender: FieldMap) => boolean][] = [
  ['max-age=60', () => false],
  ['max-age=60, must-revalidate', (sender) => sender === authorization],
  ['max-age=60, public', () => true],
  ['s-maxage=60', () => true],
  ['max-age=60, public="x"', () => false],
  ['max-age=60, public, s-maxage=60, private', () => false],
]

describe.each(senders)('a request with %s', (_name, sender) => {
  test.each(responses)('and a response of %s', async (cacheControl, permits) => {
    const permitted = permits(sender)
    const site = createSite({}, ({ number }) => ({
      headers: { 'cache-control': cacheControl },
      body: `run ${number}`,
    }))
    const detail = sender === authorization ? 'authorization' : 'cookie'

    await site.get('/filled-by-it', sender)
    const other = await site.get('/filled-by-it')
    expect(other.body).toBe(permitted ? 'run 1' : 'run 2')

    const others = await site.get('/filled-by-others')
    const own = await site.get('/filled-by-others', sender)
    expect(own.body === others.body).toBe(permitted)
    if (permitted) expect(own.how).toMatch(/; hit/)
    else if (/private/.test(cacheControl)) expect(own.how).toMatch(/fwd=uri-miss/)
    else expect(own.how).toBe(`stowage; fwd=request; fwd-status=200; detail=${detail}`)
  })
})

describe('a request with credentials that are not permitted', () => {
  test('does not disturb what others have stored', async () => {
    const site = createSite({}, ({ number }) => ({
      headers: { 'cache-control': 'max-age=60' },
      body: `run ${number}`,
    }))
    await site.get('/a')
    await site.get('/a', cookie)
    await site.get('/a', { ...cookie, 'cache-control': 'no-cache' })
    expect((await site.get('/a')).body).toBe('run 1')
  })

  test('is not offered the validators of what others have stored', async () => {
    const site = createSite({}, () => ({ headers: { 'cache-control': 'max-age=60', etag: '"1"' } }))
    await site.get('/a')
    await site.get('/a', { ...cookie, 'if-none-match': '"2"' })
    expect(site.runs[1]?.headers).toEqual(cookie)
  })

  test('a ttl of the policy is no permission', async () => {
    const site = createSite({ ttl: 60 })
    for (const runs of [1, 2]) {
      expect((await site.get('/a', cookie)).how).toBe('stowage; fwd=uri-miss; fwd-status=200; detail=cookie')
      expect(site.runs).toHaveLength(runs)
    }
  })

  test('gets no stale answer of others where its handler fails', async () => {
    const site = createSite({ staleIfError: 600 }, () => ({
      headers: { 'cache-control': 'max-age=60' },
      body: 'old',
    }))
    await site.get('/a')
    site.handler = () => ({ status: 503, body: 'down' })
    expect((await site.get('/a', cookie)).body).toBe('down')
  })

  test('with only-if-cached has no answer', async () => {
    const site = createSite({ ttl: 60 })
    await site.get('/a')
    expect((await site.get('/a', { ...cookie, 'cache-control': 'only-if-cached' })).status).toBe(504)
  })
})

describe('a scope', () => {
  test('of "public" says that credentials do not matter', async () => {
    const site = createSite({ ttl: 60, scope: 'public' })
    for (const sender of [{}, cookie, authorization]) await site.get('/a', sender)
    expect(site.runs).toHaveLength(1)
  })

  test('does not lift what the response restricts', async () => {
    for (const scope of ['public', () => 'u'] as const)
      for (const headers of [{ 'cache-control': 'private, max-age=60' }, { 'set-cookie': 'a=1' }]) {
        const site = createSite({ ttl: 60, scope }, () => ({ headers }))
        await site.get('/a')
        await site.get('/a')
        expect(site.runs).toHaveLength(2)
      }
  })

  test('of "private" stores nothing and tells downstream', async () => {
    const site = createSite({ ttl: 60, scope: 'private' })
    for (const runs of [1, 2]) {
      const { how, headers } = await site.get('/a')
      expect(how).toBe('stowage; fwd=bypass; fwd-status=200; detail=scope')
      expect(headers['cache-control']).toBe('private, no-cache')
      expect(site.runs).toHaveLength(runs)
    }
  })

  test('that is a function gives an entry to each value, told downstream to be private', async () => {
    const site = createSite({ ttl: 60, scope: (request) => request.cookie('sid') }, ({ headers }) => ({
      body: String(headers.cookie),
    }))
    const users = ['sid=1', 'sid=2', 'sid=1; sid=2', 'sid=']
    for (const turn of [1, 2])
      for (const user of users) {
        const served = await site.get('/a', { cookie: user })
        expect([turn, served.headers['cache-control']]).toEqual([turn, 'private, no-cache'])
        expect(served.body).toBe(user)
      }
    expect(site.runs).toHaveLength(4)
  })

  test('without a value bypasses', async () => {
    const site = createSite({ ttl: 60, scope: (request) => request.cookie('sid') })
    await site.get('/a')
    expect((await site.get('/a')).how).toBe('stowage; fwd=bypass; fwd-status=200; detail=scope')
    expect(site.runs).toHaveLength(2)
  })

  test('its requests ask for themselves within stale-while-revalidate: nobody else could', async () => {
    const site = createSite({ ttl: 60, staleWhileRevalidate: 60, scope: (request) => request.cookie('sid') })
    await site.get('/a', cookie)
    site.clock.advance(61_000)
    expect((await site.get('/a', cookie)).how).toMatch(/fwd=stale; fwd-status=200/)
    expect(site.runs[1]?.headers.cookie).toBe('sid=1')
    expect(site.runs[1]?.forward.background).toBe(false)
  })
})
