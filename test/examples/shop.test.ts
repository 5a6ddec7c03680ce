import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requireBuild, type Serving, serveScript, shop, visit } from './children.ts'

const token = 'of the test'
let server: Serving

beforeAll(async () => {
  requireBuild()
  server = await serveScript('server.js', shop, { ADMIN_TOKEN: token })
})
afterAll(() => server.stop())

const authorization = `Bearer ${token}`

describe('the example shop', () => {
  test('prints where it is, and requests to try', async () => {
    await expect.poll(server.stdout).toContain('/admin/stats')
    const curls = server.stdout().match(/^ {2}curl .*$/gm) ?? []
    expect(server.stdout()).toContain(`http://localhost:${server.port}`)
    expect(curls.length).toBeGreaterThan(4)
    expect(curls.filter((line) => !line.includes(`localhost:${server.port}/`))).toEqual([])
  })

  test('answers the second request for the list from the cache', async () => {
    expect((await visit(server.port, '/items')).cacheStatus).toMatch(
      /fwd=uri-miss; fwd-status=200; ttl=\d+; stored/,
    )
    expect((await visit(server.port, '/items')).cacheStatus).toMatch(/^stowage; hit; ttl=\d+$/)
  })

  test('keeps one variant for each language', async () => {
    const named = async (language: string) => {
      const { body, headers } = await visit(server.port, '/items/3', {
        headers: { 'accept-language': language },
      })
      expect(headers.vary).toMatch(/accept-language/i)
      return JSON.parse(body).name
    }
    expect([await named('en'), await named('de'), await named('en')]).toEqual(['Cup', 'Tasse', 'Cup'])
  })

  test('does not store what is not there', async () => {
    const { status, cacheStatus } = await visit(server.port, '/items/99')
    expect(status).toBe(404)
    expect(cacheStatus).toContain('detail=error')
  })

  test('shows a change at once, in the list too', async () => {
    await visit(server.port, '/items')
    const change = { method: 'PUT', body: { price: 99 } }
    expect((await visit(server.port, '/items/2', change)).status).toBe(200)
    const { body, cacheStatus } = await visit(server.port, '/items')
    expect(cacheStatus).toContain('fwd=uri-miss')
    expect(JSON.parse(body)).toContainEqual(expect.objectContaining({ id: 2, price: 99 }))
  })

  test('keeps what is stored when a change is refused', async () => {
    await visit(server.port, '/items')
    expect((await visit(server.port, '/items/2', { method: 'PUT', body: { price: -1 } })).status).toBe(400)
    expect((await visit(server.port, '/items')).cacheStatus).toContain('hit')
  })

  test('greets each session by its own name, and others by none', async () => {
    const cookieOf = async (name: string) => {
      const { headers } = await visit(server.port, '/login', { method: 'POST', body: { name } })
      return headers['set-cookie']?.[0]?.split(';')[0] ?? ''
    }
    const [ada, bob] = [await cookieOf('Ada'), await cookieOf('Bob')]
    const greeted = async (path: string, cookie?: string) =>
      (await visit(server.port, path, cookie === undefined ? {} : { headers: { cookie } })).body
    expect(await greeted('/')).toBe('Hello, stranger.')
    expect([await greeted('/', ada), await greeted('/', bob)]).toEqual(['Hello, Ada.', 'Hello, Bob.'])
    for (const round of [1, 2]) {
      expect(await greeted('/account', ada), `round ${round}`).toContain('Hello, Ada.')
      expect(await greeted('/account', bob), `round ${round}`).toContain('Hello, Bob.')
    }
    expect((await visit(server.port, '/account')).status).toBe(401)
  })

  test('sends a stored download whole and in parts', async () => {
    const { body } = await visit(server.port, '/catalogue.csv')
    expect(body.split('\n')).toHaveLength(4)
    const part = await visit(server.port, '/catalogue.csv', { headers: { range: 'bytes=0-7' } })
    expect([part.status, part.body]).toEqual([206, body.slice(0, 8)])
  })

  test('invalidates by its admin endpoint, for who has the token', async () => {
    const invalidate = (body: unknown, headers = {}) =>
      visit(server.port, '/admin/invalidate', { method: 'POST', body, headers })
    await visit(server.port, '/items')
    expect((await invalidate({ tags: ['catalogue'] })).status).toBe(401)
    expect((await visit(server.port, '/items')).cacheStatus).toContain('hit')
    expect((await invalidate({ tag: 'catalogue' }, { authorization })).status).toBe(400)
    const done = await invalidate({ tags: ['catalogue'] }, { authorization })
    expect(JSON.parse(done.body)).toEqual({ seq: expect.any(Number) })
    expect((await visit(server.port, '/items')).cacheStatus).toContain('fwd=uri-miss')
  })

  test('tells its statistics to who has the token', async () => {
    expect((await visit(server.port, '/admin/stats')).status).toBe(401)
    const { body } = await visit(server.port, '/admin/stats', { headers: { authorization } })
    expect(JSON.parse(body).byRoute['/items'].hits).toBeGreaterThan(0)
  })

  test('ends by itself on SIGTERM', async () => {
    const other = await serveScript('server.js', shop)
    await visit(other.port, '/items')
    expect(await other.stop()).toBe(0)
  })
})
