import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { CacheOptions, HandlerCache, RoutePolicy, Selector } from '@stowage/core'
import type { Origin, Run } from './origin.ts'

/** A request as a handler sees it, in any framework. */
export interface HandlerRequest {
  readonly method: string
  /** The request target as received. */
  readonly url: string
  /** Scheme, host and port, as the framework resolves them. */
  readonly site: string
  readonly headers: IncomingMessage['headers']
  body(): Promise<Buffer>
}

/** What a handler answers with, in any framework. */
export interface Reply {
  status(code: number, reason?: string): void
  set(name: string, value: string | readonly string[]): void
  append(name: string, value: string): void
  remove(name: string): void
  /** By the framework's own way of sending a whole body. */
  send(body: string | Buffer): void
  json(value: unknown): void
  stream(source: Readable): void
  file(path: string, maxAgeSeconds: number): void
  redirect(status: number, location: string): void
  end(): void
}

/** One run of a handler. */
export interface Call {
  readonly request: HandlerRequest
  readonly reply: Reply
  readonly run: Run
  /** What the cache offers to handlers; undefined where there is none. */
  readonly cache: HandlerCache | undefined
  /** Node's own response, for shapes that need `'node'`. */
  readonly node: ServerResponse
  /** Who asks, what for, and at which version: what every answer carries. `variant` is what else it depends on. */
  stamp(variant?: Readonly<Record<string, unknown>>): string
  /** Takes time, in which other requests come; none where the run is only repeated. */
  pause(): Promise<void>
  /** Changes the data behind the target of an unsafe request, and behind other paths on its host. */
  change(paths?: readonly string[]): void
  /** Changes the data behind a tag. */
  changeTag(tag: string): Promise<void>
}

/** Whom the origin lets share an answer to a request with credentials. */
export type Sharing = 'nobody' | 'authorization' | 'everybody'

/** One kind of handler, and what its answers permit by their own words and those of its policy. */
export interface Shape {
  /** Its path is `/name/:id`. */
  readonly name: string
  /** Default GET, which answers HEAD as well. */
  readonly methods?: readonly string[]
  /** `'node'`: it works on Node's own response, which not every framework lets it. */
  readonly needs?: 'node'
  /** It removes what outer layers have set: a refresh that does not pass them has nothing to remove. */
  readonly removesOuter?: boolean
  readonly policy?: RoutePolicy
  /** What a successful answer invalidates beside its target. */
  readonly invalidates?: Selector
  /** Seconds of freshness that the answer declares itself; undefined where it says nothing. */
  readonly fresh?: number
  /** Seconds of age that the answer comes with. */
  readonly age?: number
  /** The answer has a Date of its own, which knows no parts of a second. */
  readonly dated?: boolean
  /** Whether the ttl of a policy covers the answer's status. Default true. */
  readonly covered?: boolean
  /** Nobody may be answered with what another request brought. */
  readonly never?: boolean | ((run: Run) => boolean)
  /** Seconds of stale-while-revalidate that the answer declares. */
  readonly staleWhileRevalidate?: number
  /** Seconds of stale-if-error that the answer declares. */
  readonly staleIfError?: number
  /** No stale answer in any case (RFC 9111 §4.2.4). */
  readonly strict?: boolean
  /** Default nobody. */
  readonly shares?: Sharing
  /** Who the user is for the origin. Default everything in the request that identifies one. */
  readonly who?: (request: Pick<HandlerRequest, 'headers'>) => string
  /** The parameters of the query that the answer depends on. Default all. */
  readonly keeps?: (name: string) => boolean
  /** The answer does not depend on the host. */
  readonly hostless?: boolean
  readonly tags?: readonly string[]
  /** Fields that must not be in a reused answer. */
  readonly withheld?: readonly string[]
  /** Request fields that select the answer: random requests have them often. */
  readonly selects?: readonly string[]
  /** Fields by which the cache is told, otherwise than by Vary, that the answer varies. */
  readonly variesBy?: readonly string[]
  /** Runs that answer with a server error, for which a stale answer may stand in. */
  readonly fails?: (run: Run) => boolean
  /** Runs that do not come to their end. */
  readonly breaks?: (run: Run) => boolean
  /** Fields without which its answers are not kept. */
  readonly typical?: Readonly<Record<string, string>>
  /** Request bodies that a random request may carry. */
  readonly bodies?: readonly string[]
  /** Queries that a random request may carry, beside the usual ones. */
  readonly queries?: readonly string[]
  /** Its bodies are so large that random traffic asks for it seldom. */
  readonly heavy?: boolean
  handle(call: Call): void | Promise<void>
}

/** What is put between the clients and the handlers. */
export interface Setup {
  /** Undefined: no cache. */
  readonly cache?: CacheOptions
  readonly trustProxy?: boolean
  /** Wraps the whole application: for caches that are wrong on purpose. */
  readonly front?: (listener: Listener) => Listener
}

export type Listener = (request: IncomingMessage, response: ServerResponse) => void

/** A running application with all its shapes. */
export interface AppUnderTest {
  readonly port: number
  /** Undefined where nothing is cached. */
  readonly cache:
    | { invalidate(selector: Selector, how?: { mode?: 'stale' | 'remove' }): Promise<unknown> }
    | undefined
  close(): Promise<void>
}

/** A web framework whose applications are compared with and without the cache. */
export interface Framework {
  readonly name: string
  /** Whether handlers may work on Node's own response. */
  readonly node: boolean
  /** Whether a refresh passes the layers in front of the cache as well. Default true. */
  readonly outer?: boolean
  serve(shapes: readonly Shape[], origin: Origin, setup: Setup): Promise<AppUnderTest>
}

/** Names the exchange that a request belongs to: no cache has a reason to look at it. */
export const exchangeField = 'x-exchange'
/** Asks the control to repeat a run, by its number; where no run has that number, to make one that changes nothing. */
export const repeatField = 'x-repeat'
