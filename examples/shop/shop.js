import { createHash, randomUUID, timingSafeEqual } from 'node:crypto'
import { pipeline, Readable } from 'node:stream'
import { CacheConfigError, trackingParams } from '@stowage/core'
import { cacheMiddleware } from '@stowage/express'
import express from 'express'

/** The shop as an Express application, and its cache. Without a `backend` responses are kept in memory. */
export function createShop({ catalogue, adminToken, backend }) {
  const app = express()
  const cache = cacheMiddleware({
    // A visitor would rather wait for the handler: 250 ms is what a store has by default. This one shows what stores do.
    ...(backend && { backend, backendDeadline: '2s' }),
    // Two visitors who came by different advertisements see one page.
    key: { query: { ignore: trackingParams } },
    // Without a ttl here, only routes that state one are cached, and what handlers themselves declare fresh.
  })

  // In front of sessions and body parsers: a hit needs neither.
  app.use(cache)
  const sessions = addSessions(app)
  addCatalogue(app, cache, catalogue)
  addVisitors(app, cache, catalogue, sessions)
  addStreams(app, cache, catalogue)
  addAdmin(app, cache, adminToken)
  // Of all failures RFC 5861 names four for which a stale response may stand in: 500, 502, 503 and 504.
  app.use((error, _req, res, next) => {
    if (res.headersSent) next(error)
    else res.status(error.status ?? 503).json({ error: error.message })
  })
  return { app, cache }
}

/** Who is logged in, by cookie. A real shop has a session store here. */
function addSessions(app) {
  const sessions = new Map()
  app.use((req, _res, next) => {
    const [, id] = /(?:^|; )session=([^;]*)/.exec(req.headers.cookie ?? '') ?? []
    req.user = sessions.get(id)
    next()
  })
  return sessions
}

const languages = ['en', 'de', 'fr']

function addCatalogue(app, cache, catalogue) {
  app.get('/items', cache.route({ ttl: '1m', tags: ['catalogue'] }), async (_req, res) => {
    res.json(await catalogue.list())
  })

  app.get('/items/:id', cache.route({ ttl: '1m' }), async (req, res) => {
    const item = await catalogue.item(req.params.id)
    // An error has no lifetime of its own, so this 404 is not stored.
    if (item === undefined) return res.status(404).json({ error: 'no such item' })
    // Tags may come from what was loaded, as long as the response has not left.
    req.cache.tag(`item:${item.id}`)
    // The response says what it depends on; the cache keeps a variant for each language.
    res.vary('accept-language')
    const language = req.acceptsLanguages(languages) || 'en'
    res.json({ id: item.id, name: item.name[language], price: item.price })
  })

  // Fresh for a second. For half a minute after that, visitors get the old answer at once while a new one is made.
  app.get('/prices', cache.route({ ttl: '1s', staleWhileRevalidate: '30s' }), async (_req, res) => {
    const items = await catalogue.list()
    res.json(Object.fromEntries(items.map(({ id, price }) => [id, price])))
  })

  // That /items/:id itself is out of date after a PUT, the cache knows. That lists show it as well, it has to be told.
  const invalidates = cache.invalidates((req) => ({ tags: ['catalogue', `item:${req.params.id}`] }))
  app.put('/items/:id', invalidates, express.json(), async (req, res) => {
    const price = Number(req.body?.price)
    if (!(price > 0)) return res.status(400).json({ error: 'a price above 0 is needed' })
    const item = await catalogue.reprice(req.params.id, price)
    if (item === undefined) return res.status(404).json({ error: 'no such item' })
    res.json(item)
  })
}

function addVisitors(app, cache, catalogue, sessions) {
  app.post('/login', express.json(), (req, res) => {
    const name = String(req.body?.name ?? '')
    if (name === '') return res.status(400).json({ error: 'a name is needed' })
    const id = randomUUID()
    sessions.set(id, name)
    res.cookie('session', id, { httpOnly: true, sameSite: 'lax' }).json({ name })
  })

  // Everybody without a cookie shares one page. Who has a cookie is greeted by name, and that answer is never stored.
  app.get('/', cache.route('1m'), async (req, res) => {
    res.type('text').send(await catalogue.greet(req.user ?? 'stranger'))
  })

  // Personal on purpose: one entry for each session. The value is hashed before it becomes part of a key.
  const personal = cache.route({ ttl: '30s', scope: (request) => request.cookie('session') })
  app.get('/account', personal, async (req, res) => {
    if (req.user === undefined) return res.status(401).json({ error: 'log in first' })
    res.json({ greeting: await catalogue.greet(req.user) })
  })

  // The ttl does not help here: a response that sets a cookie is for one visitor.
  app.get('/basket', cache.route('1m'), async (_req, res) => {
    res.cookie('basket', randomUUID()).json({ items: [], hint: await catalogue.greet('basket') })
  })
}

function addStreams(app, cache, catalogue) {
  // Sent and recorded row by row; stored when its end has come.
  app.get('/catalogue.csv', cache.route({ ttl: '1m', tags: ['catalogue'] }), (_req, res) => {
    res.type('text/csv')
    // A client that leaves early ends the stream, and nothing is stored then.
    pipeline(Readable.from(catalogue.rows()), res, () => undefined)
  })

  // Recognised by its type: passed through, never stored, and nobody waits for its end.
  app.get('/events', (_req, res) => {
    res.type('text/event-stream').flushHeaders()
    const send = (item) => res.write(`data: ${JSON.stringify(item)}\n\n`)
    catalogue.changes.on('change', send)
    res.on('close', () => catalogue.changes.off('change', send))
  })
}

const digest = (text) => createHash('sha256').update(text).digest()

function addAdmin(app, cache, adminToken) {
  const expected = digest(`Bearer ${adminToken}`)
  const admin = express.Router()
  admin.use((req, res, next) => {
    const given = digest(req.headers.authorization ?? '')
    if (timingSafeEqual(given, expected)) next()
    else res.status(401).json({ error: 'the token is missing or wrong' })
  })

  // For pipelines and editors: { "tags": ["catalogue"] }, { "urlPrefix": "/items" }, { "all": true } …
  admin.post('/invalidate', express.json(), async (req, res) => {
    try {
      res.json(await cache.invalidate(req.body, { reason: 'admin' }))
    } catch (error) {
      // A selector that cannot work is the sender's mistake. Anything else: the store did not take the invalidation.
      res.status(error instanceof CacheConfigError ? 400 : 503).json({ error: error.message })
    }
  })

  admin.get('/stats', (_req, res) => res.json(cache.stats()))
  app.use('/admin', admin)
}
