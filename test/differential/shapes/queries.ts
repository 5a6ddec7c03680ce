import type { Shape } from '../shape.ts'
import { answer, minute } from './answer.ts'

const all = [
  'a=1&b=2',
  'b=2&a=1',
  'a=1&a=2',
  'a=2&a=1',
  'a[]=1&a[]=2',
  'a[1]=x&a[0]=y',
  'a=%31',
  'a=1+2',
  'a=1%202',
  'a=%zz',
  'a=&a',
  '=&&=',
  'a=1?b=2',
  '__proto__=1&constructor=2',
]

const tracking = [
  'utm_source=x',
  'a=1&utm_source=x',
  'utm_source=y&a=1',
  'utm_medium=1&utm_source=2',
  'a=2&utm_=',
]

const baseOf = (name: string): string => name.split(/[[.]/, 1)[0] ?? ''

/** The query and the host, and rules that leave parts of them out of the key. */
export const queries: readonly Shape[] = [
  { name: 'echo', fresh: 60, queries: all, handle: (call) => answer(call, minute) },
  { name: 'echo-policy', policy: { ttl: 60 }, queries: all, handle: (call) => answer(call, {}) },
  {
    name: 'ignoring',
    policy: { ttl: 60, key: { query: { ignore: ['utm_*'] } } },
    keeps: (name) => !name.startsWith('utm_'),
    queries: tracking,
    handle: (call) => answer(call, {}),
  },
  {
    name: 'keeping',
    policy: { ttl: 60, key: { query: ['a'] } },
    keeps: (name) => name === 'a' || baseOf(name) === 'a',
    queries: [...tracking, ...all],
    handle: (call) => answer(call, {}),
  },
  {
    name: 'queryless',
    policy: { ttl: 60, key: { query: 'none' } },
    keeps: () => false,
    queries: all,
    handle: (call) => answer(call, {}),
  },
  {
    name: 'on-any-host',
    policy: { ttl: 60, key: { host: false } },
    hostless: true,
    handle: (call) => answer(call, {}),
  },
]
