// Parts of the engine alone, in one process; prints JSON. Its argument is the bundle of the parts that are internal.
import { createCache, memory } from '@stowage/core'

const { compileOptions, decode, encode, keyPrefix, primaryKey } = await import(process.argv[2])

const request = (id) => ({
  method: 'GET',
  url: `/items/${id}?page=2&sort=price`,
  authority: 'shop.example',
  scheme: 'https',
  headers: { host: 'shop.example', 'user-agent': 'bench', accept: '*/*' },
  raw: undefined,
})

function store(cache, id, body) {
  const headers = { 'content-type': 'application/json', 'cache-control': 'max-age=86400', etag: '"v1"' }
  const forward = cache.lookup(request(id))
  forward.respond({ status: 200, headers, body })
  forward.write(body)
  forward.end()
}

const batches = 9

/** Time of the processor: what else the machine does counts for nothing. */
function cpuMicroseconds() {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** Nanoseconds of one call: the median of several batches behind a warm-up. */
function nanoseconds(times, act) {
  const costs = []
  for (let batch = -2; batch < batches; batch += 1) {
    const start = cpuMicroseconds()
    for (let i = 0; i < times; i += 1) act(i)
    if (batch >= 0) costs.push(((cpuMicroseconds() - start) / times) * 1000)
  }
  return costs.sort((a, b) => a - b)[Math.floor(batches / 2)]
}

/** The string form of a stored response, as a backend is given it. */
function rawEntry(body) {
  const values = new Map()
  const backend = {
    get: (key) => values.get(key) ?? null,
    set: (key, value) => void values.set(key, value),
    delete: (key) => void values.delete(key),
    close: () => undefined,
  }
  store(createCache({ backend }), 1, body)
  return [...values].find(([, value]) => value.includes('\n'))
}

function measureCodec(kilobytes) {
  const bytes = kilobytes * 1024
  const [key, raw] = rawEntry(Buffer.alloc(bytes, '{"name":"Article","price":1.25},'))
  const stored = decode(raw, key)
  const times = Math.ceil(20_000 / kilobytes)
  // Once read at its end, a string is one piece of memory: putting it together counts as well.
  const encoding = nanoseconds(times, () => encode(stored).charCodeAt(raw.length - 1))
  const decoding = nanoseconds(times, () => decode(raw, key))
  return { kilobytes, encode: encoding, decode: decoding, bytes }
}

function measureLookups() {
  const cache = createCache()
  store(cache, 1, Buffer.alloc(1024, 'a'))
  const plain = request(1)
  const conditional = { ...plain, headers: { ...plain.headers, 'if-none-match': '"v1"' } }
  const { policy } = compileOptions({}, 'bench')
  const prefix = keyPrefix('stowage', '')
  return {
    key: nanoseconds(50_000, () => primaryKey(prefix, plain, policy)),
    hit: nanoseconds(50_000, () => cache.lookup(plain)),
    notModified: nanoseconds(50_000, () => cache.lookup(conditional)),
  }
}

/** Microseconds of one insertion, by tenths of the insertions into a full memory. */
function measureInsertions() {
  const limit = 20_000
  const cache = createCache({ backend: memory({ maxEntries: limit, maxBytes: '1gb' }) })
  const body = Buffer.alloc(1024, 'a')
  let id = 0
  for (; id < 2 * limit; id += 1) store(cache, id, body)
  return Array.from({ length: 10 }, () => {
    const start = cpuMicroseconds()
    for (const end = id + limit; id < end; id += 1) store(cache, id, body)
    return (cpuMicroseconds() - start) / limit
  })
}

console.log(
  JSON.stringify({
    codec: [1, 16, 256].map(measureCodec),
    lookups: measureLookups(),
    insertions: measureInsertions(),
  }),
)
