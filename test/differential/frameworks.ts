import { express5 } from './express-app.ts'
import { fastify5 } from './fastify-app.ts'
import { koa3 } from './koa-app.ts'
import { plainNode } from './node-app.ts'
import type { Framework } from './shape.ts'

/** Every framework that has an adapter: what one suite shows of one of them, it shows of all. */
export const frameworks: readonly Framework[] = [express5, fastify5, koa3, plainNode]
