import { type Answer, type Broken, fieldOf, isBroken, type Sent } from './client.ts'
import type { Comparison } from './comparison.ts'
import { mayReuseMethod } from './expectation.ts'
import type { Violation } from './oracle.ts'
import { exchangeField, type Shape } from './shape.ts'

/** What is asked; GET of `/name/1` on one host, with nothing beyond that. */
export interface Question {
  readonly target: string
  readonly method?: string
  readonly headers?: Sent['headers']
  readonly body?: string
}

/** An answer and what the oracle says of it. */
export interface Judged {
  readonly outcome: Answer | Broken
  /** Whether it came from the run of another exchange. */
  readonly reused: boolean
  /** The run that answered; undefined where none did. */
  readonly run: number | undefined
  readonly violations: readonly string[]
}

const told = ({ kind, detail }: Violation): string => `${kind}: ${detail}`

/** Asks the examined application one thing after another, and has every answer judged. */
export const createAsking = (comparison: Comparison): ((question: Question) => Promise<Judged>) => {
  const { client, origin, oracle, clock } = comparison
  let asked = 0
  return async ({ target, method = 'GET', headers = {}, body }) => {
    asked += 1
    const id = `asked-${asked}`
    const framing = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const sent: Sent = {
      id,
      method,
      target,
      headers: { host: 'a.test', ...headers, ...framing, [exchangeField]: id },
      ...(body === undefined ? {} : { body }),
    }
    const [at, moment] = [clock(), origin.moment]
    const outcome = await client.send(sent)
    const exchange = { sent, outcome, at, moment }
    const violations = (await oracle.judge(exchange)).map(told)
    const number = isBroken(outcome) ? undefined : fieldOf(outcome, 'x-run')
    const run = number === undefined ? undefined : Number(number)
    if (!isBroken(outcome) && outcome.status < 400) {
      const changed = origin.runsOf(id)[0]?.changed
      if (changed !== undefined) origin.settle(changed)
    }
    return { outcome, reused: oracle.isReused(exchange), run, violations }
  }
}

/** A method of a shape that a cache may answer, or at least one that only reads. */
export const readingMethod = (shape: Shape): string | undefined => {
  const methods = shape.methods ?? ['GET']
  return ['GET', 'QUERY', 'POST'].find(
    (method) => methods.includes(method) && (method !== 'POST' || mayReuseMethod(shape, method)),
  )
}
