// Fastify, answering what the listeners of Express answer.
import { cachePlugin } from '@stowage/fastify'
import Fastify from 'fastify'
import { large, small } from './bodies.mjs'

/** An application whose handlers make their answers anew, behind what `prepare` puts in front. */
async function withHandlers(handled, prepare) {
  const app = Fastify()
  await prepare(app)
  const answer = (value) => async (_request, reply) => {
    handled.count += 1
    reply.header('Cache-Control', 'max-age=600')
    return value
  }
  app.get('/small/:id', answer(small))
  app.get('/large/:id', answer(large))
  await app.ready()
  return app.routing
}

export const fastifyListeners = (handled, readySmall, readyLarge) => ({
  'fastify floor': () =>
    withHandlers(handled, (app) => {
      app.addHook('onRequest', (request, reply, _done) => {
        const { headers, body } = request.url.startsWith('/large') ? readyLarge : readySmall
        reply.header('Content-Type', headers['Content-Type']).send(body)
      })
    }),
  'fastify uncached': () => withHandlers(handled, () => undefined),
  'fastify stowage': () => withHandlers(handled, (app) => app.register(cachePlugin)),
})
