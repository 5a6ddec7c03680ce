// What is measured over HTTP, row by row. `handler` is how often the handler must run: a hit never reaches it.

const small = { path: '/small/1' }
const large = { path: '/large/1' }
const noStore = { path: '/no-store' }
const posted = { method: 'POST', path: '/posted' }
const never = { handler: 'never' }
const always = { handler: 'always' }

/** The rows of Fastify for one body; no other cache for it installs on version 5. */
const fastifyCases = (prefix, path) => [
  { id: `${prefix}fastify floor`, name: 'Fastify floor', server: 'fastify floor', ...path, ...never },
  {
    id: `${prefix}fastify uncached`,
    name: 'Fastify, uncached handler',
    server: 'fastify uncached',
    ...path,
    ...always,
  },
  {
    id: `${prefix}fastify hit`,
    name: 'Stowage on Fastify, hit',
    server: 'fastify stowage',
    ...path,
    ...never,
  },
]

const koaFields = {
  id: 'koa fields',
  name: 'Koa floor and the fields of a hit',
  server: 'koa fields',
  ...small,
  ...never,
}

/** The rows of Koa for one body. */
const koaCases = (prefix, path) => [
  { id: `${prefix}koa floor`, name: 'Koa floor', server: 'koa floor', ...path, ...never },
  { id: `${prefix}koa uncached`, name: 'Koa, uncached handler', server: 'koa uncached', ...path, ...always },
  { id: `${prefix}koa hit`, name: 'Stowage on Koa, hit', server: 'koa stowage', ...path, ...never },
  { id: `${prefix}koa-cash`, name: 'koa-cash 5.0.2, hit', server: 'koa-cash', ...path, ...never },
]

export const smallCases = [
  { id: 'plain', name: 'plain `node:http`, ready buffer', server: 'plain', ...small, ...never },
  {
    id: 'plain fields',
    name: 'plain `node:http`, ready buffer and the fields of a hit',
    server: 'plain fields',
    ...small,
    ...never,
  },
  { id: 'front', name: 'Stowage in front of a listener, hit', server: 'front', ...small, ...never },
  { id: 'floor', name: 'Express floor', server: 'floor', ...small, ...never },
  { id: 'uncached', name: 'Express, uncached handler', server: 'uncached', ...small, ...always },
  { id: 'hit', name: 'Stowage, hit', server: 'stowage', ...small, ...never },
  { id: 'tiered', name: 'Stowage, hit in the first tier', server: 'tiered', ...small, ...never },
  { id: '304', name: 'Stowage, 304', server: 'stowage', ...small, ...never, conditional: true },
  {
    id: 'miss',
    name: 'Stowage, miss that stores',
    server: 'stowage',
    process: 'misses',
    path: '/small/',
    ids: 'new',
    ...always,
  },
  { id: 'apicache', name: 'apicache 1.6.3, hit', server: 'apicache', ...small, ...never },
  { id: 'route-cache', name: 'route-cache 0.7.1, hit', server: 'route-cache', ...small, ...never },
  {
    id: 'uncached no-store',
    name: 'Express, uncached handler, `no-store`',
    server: 'uncached',
    ...noStore,
    ...always,
  },
  {
    id: 'no-store',
    name: 'Stowage, `no-store`',
    server: 'stowage',
    process: 'passing',
    ...noStore,
    ...always,
  },
  { id: 'uncached POST', name: 'Express, uncached handler, POST', server: 'uncached', ...posted, ...always },
  { id: 'POST', name: 'Stowage, POST', server: 'stowage', process: 'passing', ...posted, ...always },
  ...fastifyCases('', small),
  ...koaCases('', small),
  koaFields,
]

export const largeCases = [
  { id: 'large plain', name: 'plain `node:http`, ready buffer', server: 'plain', ...large, ...never },
  { id: 'large front', name: 'Stowage in front of a listener, hit', server: 'front', ...large, ...never },
  { id: 'large floor', name: 'Express floor', server: 'floor', ...large, ...never },
  { id: 'large uncached', name: 'Express, uncached handler', server: 'uncached', ...large, ...always },
  { id: 'large hit', name: 'Stowage, hit', server: 'stowage', ...large, ...never },
  { id: 'large apicache', name: 'apicache 1.6.3, hit', server: 'apicache', ...large, ...never },
  { id: 'large route-cache', name: 'route-cache 0.7.1, hit', server: 'route-cache', ...large, ...never },
  ...fastifyCases('large ', large),
  ...koaCases('large ', large),
]
