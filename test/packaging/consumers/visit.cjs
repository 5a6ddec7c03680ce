// One application, visited twice: what Cache-Status said, and how often the handler ran.
exports.visitTwice = async (express, cacheMiddleware) => {
  let runs = 0
  const app = express()
  const cache = cacheMiddleware({ ttl: '1m' })
  app.use(cache)
  app.get('/', (_request, response) => {
    runs += 1
    response.send(`run ${runs}`)
  })
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const visit = async () => {
    const response = await fetch(`http://127.0.0.1:${server.address().port}/`)
    return { cacheStatus: response.headers.get('cache-status'), body: await response.text() }
  }
  const visits = [await visit(), await visit()]
  await new Promise((resolve) => server.close(resolve))
  await cache.close()
  return { runs, visits }
}
