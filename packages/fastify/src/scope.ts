import type { ResponseCache, RouteRules } from '@stowage/core'
import type { Layer } from '@stowage/node'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

export type Cache = ResponseCache<FastifyRequest>

/** What one registration says for the routes inside its instance. */
export interface Scope {
  readonly cache: Cache
  /** The cache with those of the instances around this one, the outermost first, where they see what is changed. */
  readonly layers: readonly Layer<FastifyRequest, FastifyReply, void>[]
  /** The defaults for its routes. */
  readonly rules: RouteRules
  readonly hook: 'onRequest' | 'preHandler'
  /** Whether one of its routes invalidates by a method that is safe elsewhere. */
  invalidatesSafely: boolean
}

export const scoped = Symbol('stowage.scope')

export type Scoped = FastifyInstance & { readonly [scoped]?: Scope }
