import { type CacheOptions, memory } from '@stowage/core'
import { type FakeClock, fakeClock } from '@stowage/core/testing'
import { Client } from './client.ts'
import { Oracle } from './oracle.ts'
import { Origin } from './origin.ts'
import type { AppUnderTest, Framework, Setup, Shape } from './shape.ts'
import { shapesFor } from './shapes.ts'

/** The same application twice, with and without what is put in front of its handlers, over one set of data. */
export interface Comparison {
  readonly shapes: readonly Shape[]
  readonly clock: FakeClock
  readonly origin: Origin
  readonly oracle: Oracle
  readonly app: AppUnderTest
  /** Sends to the application that is examined. */
  readonly client: Client
  /** Sends to the one without a cache. */
  readonly control: Client
  close(): Promise<void>
}

/** What to examine: options of the cache, or something else in its place. */
export interface Subject {
  readonly name: string
  /** Given the clock; undefined: no cache of ours. */
  readonly cache?: (clock: FakeClock) => CacheOptions
  readonly trustProxy?: boolean
  readonly front?: (clock: FakeClock) => NonNullable<Setup['front']>
}

export const compare = async (framework: Framework, subject: Subject): Promise<Comparison> => {
  const clock = fakeClock()
  const origin = new Origin(clock)
  const shapes = shapesFor(framework)
  const trust = subject.trustProxy === undefined ? {} : { trustProxy: subject.trustProxy }
  const options = subject.cache?.(clock)
  const setup: Setup = {
    ...trust,
    ...(options === undefined ? {} : { cache: { backend: memory({ clock }), clock, ...options } }),
    ...(subject.front === undefined ? {} : { front: subject.front(clock) }),
  }
  const app = await framework.serve(shapes, origin, setup)
  const plain = await framework.serve(shapes, origin, trust)
  const [client, control] = [new Client(app.port), new Client(plain.port)]
  const close = async (): Promise<void> => {
    client.close()
    control.close()
    await Promise.all([app.close(), plain.close()])
  }
  return {
    shapes,
    clock,
    origin,
    oracle: new Oracle(origin, control, shapes, setup),
    app,
    client,
    control,
    close,
  }
}
