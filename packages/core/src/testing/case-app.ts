import type { CacheOptions, ErrorCode, FieldMap, MaybePromise, RoutePolicy, Selector } from '@stowage/core'
import type { OriginAnswer, OriginRequest } from './adapter-app.ts'
import type { ChaosOptions } from './chaos.ts'

/** A handler that knows how often its route has run, this run included. */
export type CaseHandler = (request: OriginRequest, run: number) => MaybePromise<OriginAnswer | undefined>

/** A route of a case; GET unless it says otherwise. */
export interface CaseRoute {
  readonly method?: string
  readonly path: string
  readonly policy?: RoutePolicy
  readonly invalidates?: Selector
  readonly handler: CaseHandler
}

/** An application that a case asks for. */
export interface CaseApp {
  readonly cache?: CacheOptions
  readonly outer?: () => FieldMap
  readonly routes: readonly CaseRoute[]
  /** Failures that the cache may absorb here and report; none where left out. */
  readonly errors?: readonly ErrorCode[]
  /** What goes wrong between the cache and its backend, to begin with. */
  readonly faults?: ChaosOptions
}
