import type { ResponseCache, RouteRules } from '@stowage/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'

export type Cache = ResponseCache<FastifyRequest>

/** What one registration says for the routes inside its instance. */
export interface Scope {
  readonly app: FastifyInstance
  readonly cache: Cache
  /** The cache with those of the instances around this one, the outermost first. */
  readonly caches: readonly Cache[]
  /** The defaults for its routes. */
  readonly rules: RouteRules
  readonly hook: 'onRequest' | 'preHandler'
  /** Whether one of its routes invalidates by a method that is safe elsewhere. */
  invalidatesSafely: boolean
}

export const scoped = Symbol('stowage.scope')

export type Scoped = FastifyInstance & { readonly [scoped]?: Scope }
