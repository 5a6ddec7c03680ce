// Opens the shop, visits it with real requests and shows what its cache did. Every row is checked: the exit code is 1
// where one is not what it should be.
// --backend file|sqlite|http|redis|tiered keeps the responses elsewhere than in the memory of the process.
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { BackendError, backends } from './backends.js'
import { createCatalogue } from './catalogue.js'
import { frameworks } from './frameworks.js'
import { createShop } from './shop.js'
import { visit } from './visit.js'

const widths = [48, 8, 60, 7]
const printRow = (...cells) =>
  console.log(cells.map((cell, index) => String(cell).padEnd(widths[index] ?? 0)).join(''))

class DemoError extends Error {}

/** Compares a visit with what it should have been; the differences in words. */
const differences = ({ status, cacheStatus, runs }, expected) =>
  [
    status === (expected.status ?? 200) ? '' : `status ${status} instead of ${expected.status ?? 200}`,
    expected.says.test(cacheStatus) ? '' : `Cache-Status "${cacheStatus}" does not match ${expected.says}`,
    runs === expected.runs ? '' : `handler runs: ${runs} instead of ${expected.runs}`,
  ].filter((difference) => difference !== '')

/** Makes visits and prints a row for each: what was answered, and how often that made a handler run. */
function createGuide(port, catalogue, cache) {
  const check = (title, row, expected) => {
    printRow(title, row.status, row.cacheStatus, Math.round(row.ms), row.runs)
    const found = differences(row, expected)
    if (found.length > 0) throw new DemoError(`${title}: ${found.join('; ')}`)
  }

  /** A store that is not in this process may take longer than the answer; what it refuses is an error. */
  const nextStore = () =>
    new Promise((resolve) => {
      const stops = ['store', 'error'].map((event) => cache.on(event, done))
      function done() {
        for (const stop of stops) stop()
        resolve()
      }
    })

  return {
    chapter: (title) => console.log(`\n${title}`),

    async row(title, request, expected) {
      const before = catalogue.asked
      const stored = nextStore()
      const answer = await visit(port, request)
      check(title, { ...answer, runs: catalogue.asked - before }, expected)
      if (answer.cacheStatus.endsWith('; stored') && answer.status !== 304) await stored
      return answer
    },

    /** `size` requests at once; the row shows what most of them were told, and the time of the slowest. */
    async crowd(title, size, request, expected) {
      const before = catalogue.asked
      const stored = nextStore()
      const answers = await Promise.all(Array.from({ length: size }, () => visit(port, request)))
      const runs = catalogue.asked - before
      const waited = answers.filter(({ cacheStatus }) => cacheStatus.endsWith('; collapsed'))
      const ms = Math.max(...answers.map((answer) => answer.ms))
      check(`${title}  (${waited.length} waited)`, { ...(waited[0] ?? answers[0]), ms, runs }, expected)
      if (new Set(answers.map(({ body }) => body)).size > 1)
        throw new DemoError(`${title}: the answers differ`)
      await stored
    },
  }
}

const miss = { says: /^stowage; fwd=(?:uri|vary)-miss; fwd-status=200; ttl=\d+; stored$/, runs: 1 }
const hit = { says: /^stowage; hit; ttl=\d+$/, runs: 0 }

async function showReuse({ chapter, row }) {
  chapter('One list, and five ways to ask for it')
  const first = await row('GET /items', { path: '/items' }, miss)
  await row('GET /items', { path: '/items' }, hit)
  await row('GET /items?utm_source=mail', { path: '/items?utm_source=mail' }, hit)
  await row('HEAD /items', { method: 'HEAD', path: '/items' }, hit)
  const conditional = { path: '/items', headers: { 'if-none-match': first.headers.etag } }
  await row('GET /items  If-None-Match: (its ETag)', conditional, { ...hit, status: 304 })

  chapter('A streamed download, and a part of it')
  await row('GET /catalogue.csv', { path: '/catalogue.csv' }, miss)
  const part = { path: '/catalogue.csv', headers: { range: 'bytes=0-7' } }
  await row('GET /catalogue.csv  Range: bytes=0-7', part, { ...hit, status: 206 })
}

async function showVariants({ chapter, row }) {
  chapter('Vary: a variant for each language')
  const german = { path: '/items/1', headers: { 'accept-language': 'de' } }
  const french = { path: '/items/1', headers: { 'accept-language': 'fr' } }
  await row('GET /items/1  Accept-Language: de', german, miss)
  await row('GET /items/1  Accept-Language: fr', french, miss)
  await row('GET /items/1  Accept-Language: de', german, hit)
}

async function showCollapsing({ chapter, crowd }) {
  chapter('100 requests at once for what is not stored yet')
  const collapsed = { says: /^stowage; fwd=uri-miss; ttl=\d+; collapsed$/, runs: 1 }
  await crowd('100 × GET /items/2', 100, { path: '/items/2' }, collapsed)
}

async function showRefresh({ chapter, row }) {
  chapter('A client that insists is heard once a second')
  const insisting = { path: '/items', headers: { 'cache-control': 'no-cache' } }
  const forced = { says: /fwd=request; fwd-status=200; ttl=\d+; stored$/, runs: 1 }
  await row('GET /items  Cache-Control: no-cache', insisting, forced)
  const limited = { says: /hit; ttl=\d+; detail=refresh-limit$/, runs: 0 }
  await row('GET /items  Cache-Control: no-cache', insisting, limited)
  // Here Express compares the stored ETag and says 304: the stored response is fresh again, and all of it is sent.
  const careful = { path: '/items/2', headers: { 'cache-control': 'max-age=0' } }
  const validated = { says: /fwd=request; fwd-status=304; ttl=\d+; stored$/, runs: 1 }
  await row('GET /items/2  Cache-Control: max-age=0', careful, validated)
}

async function showInvalidation({ chapter, row }) {
  chapter('A change invalidates what it touches')
  const change = { method: 'PUT', path: '/items/1', body: { price: 15 } }
  await row('PUT /items/1', change, { says: /fwd=method; fwd-status=200$/, runs: 1 })
  const german = { path: '/items/1', headers: { 'accept-language': 'de' } }
  const { body } = await row('GET /items/1  Accept-Language: de', german, miss)
  if (JSON.parse(body).price !== 15) throw new DemoError('GET /items/1: the old price after the change')
  await row('GET /items', { path: '/items' }, miss)
  await row('GET /items/2  (not touched)', { path: '/items/2' }, hit)
}

async function showRefusals({ chapter, row }, port) {
  chapter('What is personal is not shared')
  const login = await visit(port, { method: 'POST', path: '/login', body: { name: 'Ada' } })
  const [cookie = ''] = (login.headers['set-cookie']?.[0] ?? '').split(';')
  const ada = { path: '/', headers: { cookie } }
  const refused = { says: /fwd=request; fwd-status=200; detail=cookie$/, runs: 1 }
  await row('GET /', { path: '/' }, miss)
  // There is a stored page by now, and who comes with a cookie does not get it.
  await row('GET /  Cookie: session=…', ada, refused)
  const { body } = await row('GET /  Cookie: session=…', ada, refused)
  if (body !== 'Hello, Ada.') throw new DemoError(`GET /: Ada was told "${body}"`)
  const setsCookie = { says: /fwd=uri-miss; fwd-status=200; detail=set-cookie$/, runs: 1 }
  await row('GET /basket  (sets a cookie)', { path: '/basket' }, setsCookie)
  await row('GET /basket  (sets a cookie)', { path: '/basket' }, setsCookie)
  const stream = { says: /detail=stream$/, runs: 0 }
  await row('GET /events  (an event stream)', { path: '/events', headOnly: true }, stream)

  chapter('Personal on purpose: the route has a scope')
  const account = { path: '/account', headers: { cookie } }
  await row('GET /account  Cookie: session=…', account, miss)
  await row('GET /account  Cookie: session=…', account, hit)
}

async function showStale({ chapter, row }, cache) {
  chapter('Stale while it is refreshed: nobody waits')
  const prices = { path: '/prices' }
  await row('GET /prices  (fresh for a second)', prices, miss)
  await delay(1100)
  const refreshed = new Promise((resolve) => cache.on('refresh', resolve))
  await row('GET /prices  (1.1 s later)', prices, { says: /hit; ttl=-\d+; detail=swr$/, runs: 1 })
  await refreshed
  await row('GET /prices  (after the refresh)', prices, hit)
}

async function showOutage({ chapter, row }, cache, catalogue) {
  chapter('Stale while the database is down')
  await cache.invalidate({ tags: ['catalogue'] }, { mode: 'stale' })
  catalogue.online = false
  const standIn = { says: /fwd=stale; fwd-status=503; ttl=-\d+; detail=sie$/, runs: 1 }
  await row('GET /items  (marked stale, its handler fails)', { path: '/items' }, standIn)
  // The handler is left in peace for a second.
  await row('GET /items', { path: '/items' }, { says: /hit; ttl=-\d+; detail=sie$/, runs: 0 })
  catalogue.online = true
}

const listen = (app) =>
  new Promise((resolve, reject) => {
    const server = app.listen(0, (error) => (error ? reject(error) : resolve(server)))
  })

/** Another process would be another client of the store, as this second shop is. */
async function showSharing({ chapter, row: first }, catalogue, store) {
  chapter('A second server on the same store')
  await first('GET /items/3  (from the first server)', { path: '/items/3' }, miss)
  const second = createShop({ catalogue, adminToken: 'demo', backend: store.open() })
  await second.cache.backend.connect?.()
  const server = await listen(second.app)
  try {
    const { port } = server.address()
    const { row } = createGuide(port, catalogue, second.cache)
    const item = { path: '/items/3', headers: { host: store.host } }
    await row('GET /items/3  (from the second)', item, hit)
    await second.cache.invalidate({ tags: ['item:3'] })
    if (store.heardWithinMs !== undefined) await delay(store.heardWithinMs)
    await first('GET /items/3  (from the first, invalidated)', { path: '/items/3' }, miss)
  } finally {
    server.close()
    server.closeAllConnections()
    await second.cache.close()
  }
}

async function showFrameworks({ chapter }, catalogue) {
  for (const [name, serve] of Object.entries(frameworks)) {
    chapter(`The same on ${name}`)
    const { port, cache, close } = await serve(catalogue)
    try {
      const { row } = createGuide(port, catalogue, cache)
      const first = await row('GET /items', { path: '/items' }, miss)
      await row('GET /items', { path: '/items' }, hit)
      const conditional = { path: '/items', headers: { 'if-none-match': first.headers.etag } }
      await row('GET /items  If-None-Match: (its ETag)', conditional, { ...hit, status: 304 })
      const changing = { says: /fwd=method; fwd-status=204$/, status: 204, runs: 1 }
      await row('POST /import  (invalidates a tag)', { method: 'POST', path: '/import' }, changing)
      await row('GET /items', { path: '/items' }, miss)
    } finally {
      await close()
    }
  }
}

function chosenBackend() {
  const { values } = parseArgs({ options: { backend: { type: 'string', default: 'memory' } } })
  const choose = Object.hasOwn(backends, values.backend) ? backends[values.backend] : undefined
  if (choose !== undefined) return choose()
  throw new BackendError(`--backend ${values.backend} is not known. Use ${Object.keys(backends).join(', ')}`)
}

async function demo() {
  const began = performance.now()
  const catalogue = createCatalogue()
  const store = await chosenBackend()
  const { app, cache } = createShop({ catalogue, adminToken: 'demo', backend: store.open() })
  // A store that is opened by the first request would make that one wait.
  await cache.backend.connect?.()
  const server = await listen(app)
  const { port } = server.address()
  try {
    const guide = createGuide(port, catalogue, cache)
    console.log(`Responses are kept by: ${cache.backend.name}\n`)
    printRow('request', 'status', 'Cache-Status', 'ms', 'handler runs')
    await showReuse(guide)
    await showVariants(guide)
    await showCollapsing(guide)
    await showRefresh(guide)
    await showInvalidation(guide)
    await showRefusals(guide, port)
    await showStale(guide, cache)
    await showOutage(guide, cache, catalogue)
    if (store.alone !== true) await showSharing(guide, catalogue, { ...store, host: `localhost:${port}` })
    await showFrameworks(guide, catalogue)
    const { hits, stale, misses, bypasses } = cache.stats()
    console.log(`\ncache.stats(): ${hits} hits, ${stale} stale, ${misses} misses, ${bypasses} bypasses`)
    console.log(`Every row is as expected. ${((performance.now() - began) / 1000).toFixed(1)} s`)
  } finally {
    server.close()
    server.closeAllConnections()
    await cache.close()
    await store.end()
  }
}

demo().catch((error) => {
  const plain = error instanceof DemoError || error instanceof BackendError
  console.error(plain ? `demo: ${error.message}` : error)
  process.exitCode = 1
})
