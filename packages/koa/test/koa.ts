import Koa3 from 'koa'
import Koa2 from 'koa2'

export { default as Router } from '@koa/router'
export type { Context, DefaultContext, DefaultState, Middleware } from 'koa'
export { default as compress } from 'koa-compress'
export { default as conditionalGet } from 'koa-conditional-get'
export { default as etag } from 'koa-etag'
export { default as mount } from 'koa-mount'

/** Both majors under one set of types: the tests use nothing in which they differ. */
export type KoaClass = typeof Koa3
export type KoaInstance = Koa3<Koa3.DefaultState, Koa3.DefaultContext>

export const majors: readonly { readonly name: string; readonly Koa: KoaClass }[] = [
  { name: 'Koa 3', Koa: Koa3 },
  { name: 'Koa 2', Koa: Koa2 },
]
export { Koa2, Koa3 }
