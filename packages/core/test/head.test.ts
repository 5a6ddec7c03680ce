import { describe, expect, test } from 'vitest'
import { type ForwardedHead, judgeHead } from '../src/head.ts'
import type { FieldMap } from '../src/message.ts'

const judge = (headers: FieldMap, more: Partial<ForwardedHead> = {}, varyBy: readonly string[] = []) =>
  judgeHead({ status: 200, headers, ...more }, ['stowage-cache-control', 'cdn-cache-control'], varyBy)

describe('what may be stored', () => {
  test('is what the handler’s side set, not what was there before it', () => {
    const outer = { 'x-request-id': '7', 'x-frame': 'deny', link: ['</a>', '</b>'] }
    const { own } = judge({ ...outer, link: ['</a>', '</b>'], 'x-frame': 'allow', etag: '"1"' }, { outer })
    expect({ ...own }).toEqual({ 'x-frame': 'allow', etag: '"1"' })
  })

  test('a field that the handler removed is stored as removed', () => {
    expect({ ...judge({}, { outer: { 'x-powered-by': 'a' } }).own }).toEqual({ 'x-powered-by': [] })
  })

  test('a list that the handler lengthened counts whole', () => {
    const outer = { 'set-cookie': ['a=1'] }
    expect(judge({ 'set-cookie': ['a=1', 'b=2'] }, { outer }).own['set-cookie']).toEqual(['a=1', 'b=2'])
    expect(judge({ 'set-cookie': ['a=1'] }, { outer }).own['set-cookie']).toBeUndefined()
  })

  test('is nothing that concerns the connection, and not the field that addresses this cache', () => {
    const headers = {
      connection: 'x-hop, close',
      'x-hop': '1',
      'keep-alive': '5',
      'transfer-encoding': 'chunked',
      'stowage-cache-control': 'max-age=5',
      etag: '"1"',
    }
    expect(Object.keys(judge(headers).own)).toEqual(['etag'])
  })

  test('a field that Connection names decides all the same', () => {
    const judged = judge({
      connection: 'cache-control, set-cookie',
      'cache-control': 'no-store',
      'set-cookie': 'a=1',
    })
    expect(judged.directives).toEqual({ noStore: true })
    expect(judged.deciding['set-cookie']).toBe('a=1')
  })
})

describe('what decides about freshness', () => {
  test('is what will leave, whoever set it', () => {
    const outer = { 'cache-control': 'no-store', expires: '0', date: 'then', age: '9' }
    const judged = judge({ ...outer }, { outer })
    expect(judged.directives).toEqual({ noStore: true })
    expect(judged.declares).toBe(true)
    expect(judged.deciding).toMatchObject({ expires: '0', date: 'then', age: '9' })
    expect({ ...judged.own }).toEqual({})
  })

  test.each([
    [{}, false],
    [{ etag: '"1"', 'last-modified': 'then' }, false],
    [{ 'cache-control': 'public' }, true],
    [{ 'cache-control': '' }, true],
    [{ expires: 'x' }, true],
    [{ 'cdn-cache-control': 'max-age=1' }, true],
    [{ 'cdn-cache-control': '' }, false],
    [{ 'cdn-cache-control': '"' }, false],
    [{ 'surrogate-control': 'max-age=1' }, false],
  ])('%j declares it: %s', (headers, expected) => {
    expect(judge(headers).declares).toBe(expected)
  })

  test('is the first valid targeted field before Cache-Control and Expires (RFC 9213 §2.2)', () => {
    const headers = { 'cache-control': 'no-store', expires: 'Thu, 01 Jan 1970 00:00:00 GMT' }
    const targeted = judge({
      ...headers,
      'cdn-cache-control': 'max-age=60',
      'stowage-cache-control': 'max-age=30',
    })
    expect(targeted.directives).toEqual({ maxAge: 30 })
    expect(targeted.deciding.expires).toBeUndefined()
    const damaged = judge({
      ...headers,
      'stowage-cache-control': 'max-age="',
      'cdn-cache-control': 'max-age=60',
    })
    expect(damaged.directives).toEqual({ maxAge: 60 })
    expect(judge(headers).directives).toEqual({ noStore: true })
  })
})

describe('by what a response varies', () => {
  const rows: readonly [
    title: string,
    headers: FieldMap,
    outer: FieldMap,
    varyBy: string[],
    expected: unknown,
  ][] = [
    ['nothing', {}, {}, [], undefined],
    ['what it says', { vary: 'Accept' }, {}, [], 'Accept'],
    ['what the handler named', { vary: 'Accept' }, {}, ['x-a'], 'Accept, x-a'],
    ['no field twice', { vary: 'X-A' }, {}, ['x-a'], 'X-A'],
    [
      'what outer layers vary by as well',
      { vary: 'Accept' },
      { vary: 'Accept-Language' },
      [],
      'Accept, accept-language',
    ],
    ['only what was there before', {}, { vary: 'Accept-Language' }, [], 'accept-language'],
    [
      'not the origin that an outer layer answers',
      {},
      { vary: 'Origin', 'access-control-allow-origin': 'https://a' },
      [],
      undefined,
    ],
    ['the origin where no layer answers it', {}, { vary: 'Origin' }, [], 'origin'],
    ['not a coding that an outer layer applies', {}, { vary: 'Accept-Encoding' }, [], undefined],
    [
      'a coding that came from the handler',
      { 'content-encoding': 'gzip' },
      { vary: 'Accept-Encoding' },
      [],
      'accept-encoding',
    ],
    ['the coding that was chosen', { 'content-encoding': 'gzip' }, {}, [], 'accept-encoding'],
    ['no coding', { 'content-encoding': ' Identity ' }, {}, [], undefined],
    ['the origin that was let in', { 'access-control-allow-origin': 'https://a' }, {}, [], 'origin'],
    ['any origin', { 'access-control-allow-origin': '*' }, {}, [], undefined],
    ['everything', { vary: '*' }, {}, ['x-a'], '*'],
  ]
  test.each(rows)('%s', (_title, headers, outer, varyBy, expected) => {
    expect(judge(headers, { outer }, varyBy).deciding.vary).toBe(expected)
  })
})
