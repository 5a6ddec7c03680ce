import { type Refusal, testRefusals } from './config-error.ts'

testRefusals({
  CACHE_CONFIG_VARY_STAR: [
    [
      { key: { headers: ['*'] } },
      'key.headers',
      '*',
      'key.headers contains "*": such a response can never be reused. List header names.',
    ],
  ],
  CACHE_CONFIG_VARY_HIGH_CARDINALITY: [
    [
      { key: { headers: ['accept', 'User-Agent'] } },
      'key.headers',
      'User-Agent',
      'key.headers contains "user-agent" (thousands of values). Use key.by with a function that maps it to a few groups.',
      'key.by',
    ],
    [
      { key: { headers: ['Referer'] } },
      'key.headers',
      'Referer',
      'key.headers contains "referer" (thousands of values). Use key.by with a function that maps it to a few groups.',
      'key.by',
    ],
    [
      { key: { headers: ['cookie'] } },
      'key.headers',
      'cookie',
      'key.headers contains "cookie" (a value for each visitor). Name the cookies that count in key.cookies.',
      'key.cookies',
    ],
    [
      { key: { headers: ['authorization'] } },
      'key.headers',
      'authorization',
      'key.headers contains "authorization" (a value for each user). Use scope with a function that names the user.',
      'scope',
    ],
  ],
  CACHE_CONFIG_METHOD: [
    [
      { methods: ['GET', 'DELETE'] },
      'methods',
      'DELETE',
      'methods contains "DELETE": only GET, HEAD, QUERY and POST can be cached.',
    ],
    [
      { methods: ['get'] },
      'methods',
      'get',
      'methods contains "get": only GET, HEAD, QUERY and POST can be cached. Did you mean "GET"?',
      'GET',
    ],
    [
      { methods: [] },
      'methods',
      [],
      'methods is empty: nothing could be answered from the cache. Use ttl false instead.',
    ],
  ],
  CACHE_CONFIG_METHOD_BODY: ['POST', 'QUERY'].map((method): Refusal => {
    const why = 'different bodies would share one response. Set key.body to "json" or "bytes".'
    const message = `methods contains "${method}" but key.body is "none": ${why}`
    return [{ methods: ['GET', method] }, 'methods', method, message, 'json']
  }),
})
