import type { CacheOptions } from '@stowage/core'
import { request } from '@stowage/core/testing'
import { expect, test } from 'vitest'
import { type Context, majors } from './koa.ts'
import { createApp, serve } from './support.ts'

const userOf = ({ state }: Context): string | undefined => (state as { user?: string }).user

const spellings: readonly [name: string, options: CacheOptions<Context>][] = [
  ['scope', { scope: ({ raw }) => userOf(raw) ?? 'anon' }],
  ['key.by', { scope: 'public', key: { by: { user: ({ raw }) => userOf(raw) } } }],
  ['when', { scope: 'public', when: ({ raw }) => userOf(raw) === undefined }],
]

const as = (user: string | undefined) => (user === undefined ? {} : { headers: { cookie: `user=${user}` } })

test.each(majors.flatMap(({ name, Koa }) => spellings.map(([by, options]) => ({ name, Koa, by, options }))))(
  '$name: $by asked before the user is known shares no response of a user',
  async ({ Koa, options }) => {
    const { app, cache } = createApp({ ttl: '5m', ...options }, Koa)
    app.use(cache)
    app.use((ctx, next) => {
      const user = /user=(\w+)/.exec(ctx.get('cookie'))?.[1]
      if (user !== undefined) ctx.state.user = user
      return next()
    })
    app.use((ctx) => {
      ctx.body = `page of ${userOf(ctx) ?? 'nobody'}`
    })
    const url = `http://127.0.0.1:${await serve(app)}/`
    const first = await request(url, as('alice'))
    expect(first.headers['cache-status']).toMatch(/detail=key-changed$/)
    expect((await request(url, as('bob'))).text).toBe('page of bob')
    const both = await Promise.all([request(url, as('alice')), request(url, as('bob'))])
    expect(both.map(({ text }) => text)).toEqual(['page of alice', 'page of bob'])
    // What is for everybody is stored.
    await request(url)
    const last = await request(url)
    expect(last.text).toBe('page of nobody')
    expect(last.headers['cache-status']).toMatch(/hit/)
  },
)
