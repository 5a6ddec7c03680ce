import assert from 'node:assert/strict'
import type { FieldMap } from '@stowage/core'
import type { TestResponse } from './adapter-client.ts'
import type { Site } from './adapter-site.ts'
import { assertCacheStatus } from './adapter-status.ts'
import type { CaseApp, CaseHandler } from './case-app.ts'

/** Serves an application until the case is over. */
export type OpenSite = (app: CaseApp) => Promise<Site>

/** One promise of every adapter, and how it is put to the test. */
export interface AdapterCase {
  readonly name: string
  /** `'routes'`: routes need policies of their own. */
  readonly needs?: 'routes'
  readonly run: (open: OpenSite) => Promise<void>
}

/** What a response should be; what is left out is not looked at. */
export interface Expected {
  /** Default 200. */
  readonly status?: number
  readonly text?: string
  /** Parameters of Cache-Status, `'hit ttl=50'`. */
  readonly cache?: string
  /** Undefined for a field that must not be there. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>
}

export const expectResponse = (response: TestResponse, expected: Expected, about = ''): void => {
  assert.equal(response.status, expected.status ?? 200, `${about} status`)
  if (expected.text !== undefined) assert.equal(response.text, expected.text, `${about} body`)
  for (const [name, value] of Object.entries(expected.headers ?? {}))
    assert.deepEqual(response.headers[name], value, `${about} ${name}`)
  if (expected.cache !== undefined) assertCacheStatus(response, expected.cache, about)
}

/** Answers `run 1`, `run 2` and so on with the fields given. */
export const numbered =
  (headers: FieldMap = { 'cache-control': 'max-age=60' }, status = 200): CaseHandler =>
  (_, run) => ({
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', ...headers },
    body: `run ${run}`,
  })

/** A version that lasts: 304 to whoever has it. */
export const validated =
  (version: () => string, cacheControl = 'max-age=60'): CaseHandler =>
  ({ headers }, run) => {
    const fields = { 'cache-control': cacheControl, etag: `"${version()}"`, 'x-run': String(run) }
    if (headers['if-none-match'] === fields.etag) return { status: 304, headers: fields }
    return {
      headers: { ...fields, 'content-type': 'text/plain; charset=utf-8' },
      body: `${version()} of run ${run}`,
    }
  }

/** A promise and the means to keep it. */
export interface Gate<T = void> {
  readonly passed: Promise<T>
  open(value: T): void
}

export const createGate = <T = void>(): Gate<T> => {
  let open: (value: T) => void = () => undefined
  const passed = new Promise<T>((resolve) => {
    open = resolve
  })
  return { passed, open }
}
