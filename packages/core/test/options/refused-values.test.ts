import { type Refusal, testRefusals } from './config-error.ts'

testRefusals({
  CACHE_CONFIG_DURATION: [
    [
      { ttl: '5 m' },
      'ttl',
      '5 m',
      'ttl "5 m" is not a duration. Use seconds (300) or a string such as "5m".',
      '5m',
    ],
    [
      { ttl: '60' },
      'ttl',
      '60',
      'ttl "60" is not a duration. Use seconds (60) or a string such as "60s".',
      '60s',
    ],
    [
      { keep: '1.5 Hours' },
      'keep',
      '1.5 Hours',
      'keep "1.5 Hours" is not a duration. Use seconds (5400) or a string such as "1.5h".',
      '1.5h',
    ],
    [
      { staleIfError: 'soon' },
      'staleIfError',
      'soon',
      'staleIfError "soon" is not a duration. Use seconds (300) or a string such as "5m".',
    ],
    [
      { ttl: '-5m' },
      'ttl',
      '-5m',
      'ttl "-5m" is not a duration. Use seconds (300) or a string such as "5m".',
    ],
    [{ ttl: -1 }, 'ttl', -1, 'ttl -1 is negative. Use seconds (300) or a string such as "5m".'],
    [
      { ttl: Number.NaN },
      'ttl',
      Number.NaN,
      'ttl NaN is not a duration. Use seconds (300) or a string such as "5m".',
    ],
    [
      { backendDeadline: '250 ms' },
      'backendDeadline',
      '250 ms',
      'backendDeadline "250 ms" is not a duration. Use seconds (0.25) or a string such as "250ms".',
      '250ms',
    ],
    [{ ttl: 0 }, 'ttl', 0, 'ttl 0 stores nothing. Use false to switch caching off.', 'false'],
    [{ ttl: '0s' }, 'ttl', '0s', 'ttl "0s" stores nothing. Use false to switch caching off.', 'false'],
    [
      { status: { 404: 0 } },
      'status.404',
      0,
      'status.404 0 stores nothing. Use false to switch caching off.',
      'false',
    ],
    [{ timeout: 0 }, 'timeout', 0, 'timeout 0 stores nothing. Use false to switch caching off.', 'false'],
  ],
  CACHE_CONFIG_STALE: [
    [
      { staleWhileRevalidate: Number.POSITIVE_INFINITY },
      'staleWhileRevalidate',
      Number.POSITIVE_INFINITY,
      'staleWhileRevalidate must be finite; received Infinity.',
      '1d',
    ],
    [{ staleIfError: 1e306 }, 'staleIfError', 1e306, 'staleIfError must be finite; received 1e+306.', '1d'],
    [
      { keep: Number.POSITIVE_INFINITY },
      'keep',
      Number.POSITIVE_INFINITY,
      'keep must be finite; received Infinity.',
      '1d',
    ],
  ],
  CACHE_CONFIG_RANGE: [
    [{ heuristic: 10 }, 'heuristic', 10, 'heuristic must be above 0 and at most 1; received 10.', '0.1'],
    [{ heuristic: 0 }, 'heuristic', 0, 'heuristic must be above 0 and at most 1; received 0.', 'false'],
    [
      { maxBodyBytes: '10 mb' },
      'maxBodyBytes',
      '10 mb',
      'maxBodyBytes must be a finite number of bytes above 0, or a string such as "10mb"; received "10 mb".',
      '10mb',
    ],
    [
      { key: { maxBodyBytes: 0 } },
      'key.maxBodyBytes',
      0,
      'key.maxBodyBytes must be a finite number of bytes above 0, or a string such as "64kb"; received 0.',
      '64kb',
    ],
    [
      { maxBodyBytes: Number.POSITIVE_INFINITY },
      'maxBodyBytes',
      Number.POSITIVE_INFINITY,
      'maxBodyBytes must be a finite number of bytes above 0, or a string such as "10mb"; received Infinity.',
      '10mb',
    ],
    ...['199', '600', '99', '4xx', '206', '304', '200.5', ''].map((code): Refusal => {
      const rule = 'is for no status that can be stored: those are 200 to 599 without 206 and 304.'
      return [{ status: { [code]: 60 } }, `status.${code}`, code, `status.${code} ${rule}`]
    }),
    [
      { backendDeadline: 250 },
      'backendDeadline',
      250,
      'backendDeadline must be above 0 and at most 60 seconds; received 250. Numbers are seconds; did you mean "250ms"?',
      '250ms',
    ],
    [
      { backendDeadline: 0 },
      'backendDeadline',
      0,
      'backendDeadline must be above 0 and at most 60 seconds; received 0.',
    ],
    [
      { collapse: { wait: '2h' } },
      'collapse.wait',
      '2h',
      'collapse.wait must be at most 3600 seconds; received "2h".',
    ],
    [{ namespace: '' }, 'namespace', '', 'namespace must not be empty.'],
    [{ name: '' }, 'name', '', 'name must not be empty.'],
    ...['café', 'a\tb'].map((name): Refusal => {
      const rule = 'name must be printable ASCII, for it is sent in Cache-Status'
      return [{ name }, 'name', name, `${rule}; received ${JSON.stringify(name)}.`]
    }),
    [
      { targets: ['CDN Cache-Control'] },
      'targets',
      'CDN Cache-Control',
      'targets contains "CDN Cache-Control", which is not a field name. Use names such as "accept-language".',
    ],
    [
      { targets: ['Cache-Control'] },
      'targets',
      'Cache-Control',
      'targets contains "Cache-Control", which counts anyway, after the targeted fields. Leave it out.',
    ],
    [
      { excludeHeaders: ['x-*'] },
      'excludeHeaders',
      'x-*',
      'excludeHeaders contains "x-*", which is not a field name. Wildcards have no meaning here: list the names.',
    ],
    [
      { key: { cookies: ['ab_*'] } },
      'key.cookies',
      'ab_*',
      'key.cookies contains "ab_*", which is not a cookie name. Wildcards have no meaning here: list the names.',
    ],
    [
      { key: { cookies: ['a=1'] } },
      'key.cookies',
      'a=1',
      'key.cookies contains "a=1", which is not a cookie name.',
    ],
    [
      { statusHeader: 'x-cache-status' },
      'statusHeader',
      'x-cache-status',
      'statusHeader "x-cache-status" is not a status field. Did you mean "X-Cache-Status"?',
      'X-Cache-Status',
    ],
    [
      { statusHeader: ['Cache-Status', 'Age'] },
      'statusHeader',
      'Age',
      'statusHeader "Age" is not a status field. Use "Cache-Status", "X-Cache-Status", "X-Cache-Key", "X-Cache-Timeout" and "X-Cache-Backend".',
    ],
  ],
})
