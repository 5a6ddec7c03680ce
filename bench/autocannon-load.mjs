// Takes the place of wrk where that is not installed; prints the number of requests that failed.
import autocannon from 'autocannon'

const { origin, method, path, headers, ids, seconds } = JSON.parse(process.argv[2])

let next = ids?.from ?? 0

function idOf() {
  if (ids === undefined) return ''
  if (ids.upTo !== undefined) return 1 + Math.floor(Math.random() * ids.upTo)
  next += 1
  return next
}

const changing = { method, setupRequest: (request) => ({ ...request, path: path + idOf() }) }
const {
  errors,
  '4xx': refused,
  '5xx': failed,
} = await autocannon({
  url: origin,
  connections: 50,
  duration: seconds,
  headers,
  requests: [ids === undefined ? { method, path } : changing],
})
console.log(JSON.stringify(errors + refused + failed))
