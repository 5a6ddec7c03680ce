import { crc32 } from 'node:zlib'
import type { StoredResponse } from '../src/entry.ts'

/** A stored response; what is not given is plain and fresh for a minute. */
export const storedResponse = (members: Partial<StoredResponse> = {}): StoredResponse => {
  const body = members.body ?? Buffer.from('hello')
  return {
    key: 'k',
    status: 200,
    headers: { 'content-type': 'text/plain', 'content-length': String(body.length) },
    body,
    requestTime: 1_000_000,
    responseTime: 1_000_010,
    directives: { maxAge: 60 },
    freshnessLifetime: 60_000,
    correctedInitialAge: 0,
    staleWhileRevalidate: 0,
    staleIfError: 0,
    policyFresh: false,
    downstream: false,
    madeEtag: false,
    scoped: false,
    atRoute: false,
    tags: ['*', 'u:/'],
    stamp: 0,
    epoch: 'e',
    run: '',
    route: undefined,
    handlerMs: 10,
    ...members,
  }
}

/** What another writer of the store may leave: text behind a checksum that holds. */
export const sealed = (text: string, version = 'c1'): string =>
  `${version} ${crc32(text).toString(16).padStart(8, '0')}\n${text}`
