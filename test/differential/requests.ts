import type { Answer, Sent } from './client.ts'
import { fieldOf } from './client.ts'
import { type Choice, type Dimension, dimensions } from './dimensions.ts'
import type { Random } from './random.ts'
import { exchangeField, type Shape } from './shape.ts'

const otherHosts = ['b.test', 'A.test', 'a.test:80', 'b.test:8080']
const foreignMethods = ['OPTIONS', 'PROPFIND', 'PURGE', 'POST', 'DELETE', 'PUT', 'TRACE', 'REPORT']
const usualQueries = ['a=1', 'a=2', 'b=2&a=1', 'a=1&b=2', '', 'A=1']
const mostRemembered = 4

/** Validators that clients have seen, by target. */
export class Remembered {
  readonly #tags = new Map<string, string[]>()
  readonly #dates = new Map<string, string[]>()

  add(target: string, answer: Answer): void {
    keep(this.#tags, target, fieldOf(answer, 'etag'))
    keep(this.#dates, target, fieldOf(answer, 'last-modified') ?? fieldOf(answer, 'date'))
  }

  tags(target: string): readonly string[] {
    return this.#tags.get(target) ?? []
  }

  dates(target: string): readonly string[] {
    return this.#dates.get(target) ?? []
  }
}

const keep = (lists: Map<string, string[]>, target: string, value: string | undefined): void => {
  if (value === undefined) return
  const list = lists.get(target) ?? []
  lists.set(target, list)
  if (list.includes(value)) return
  list.push(value)
  if (list.length > mostRemembered) list.shift()
}

/** A request before it has its fields. */
export interface Aim {
  readonly shape: Shape
  readonly target: string
  readonly host: string
}

/** Other spellings of a path that frameworks bring to the same handler, and some that they do not. */
const respelt = (random: Random, path: string, host: string): string =>
  random.pick([
    path.toUpperCase(),
    `${path}/`,
    path.replace(/1$/, '%31'),
    `/${path}`,
    `${path}/more`,
    `http://${host}${path}`,
    `${path};v=1`,
  ])

/** `series` makes the paths of one time different from those of another, so that the cache begins without them. */
export const pathOf = (shape: Shape, series: number, id: number): string =>
  `/${shape.name}/${series * 10 + id}`

export const aimAt = (random: Random, shape: Shape, series: number): Aim => {
  const host = random.chance(0.12) ? random.pick(otherHosts) : 'a.test'
  const path = pathOf(shape, series, random.pick([1, 1, 1, 1, 1, 1, 2, 3]))
  const spelt = random.chance(0.04) ? respelt(random, path, host) : path
  const asksMore = random.chance(shape.queries === undefined ? 0.1 : 0.8)
  const query = random.pick(shape.queries ?? usualQueries)
  return { shape, host, target: asksMore ? `${spelt}?${query}` : spelt }
}

const methodFor = (random: Random, shape: Shape): string => {
  const own = shape.methods ?? ['GET']
  if (random.chance(0.02)) return random.pick(foreignMethods)
  if (own.includes('GET') && random.chance(own.length === 1 ? 1 : 0.7))
    return random.chance(0.08) ? 'HEAD' : 'GET'
  return random.pick(own)
}

const bodyFor = (random: Random, shape: Shape, method: string): string | undefined => {
  if (method === 'GET' || method === 'HEAD') return random.chance(0.005) ? 'unexpected' : undefined
  return shape.bodies === undefined || method === 'TRACE' ? undefined : random.pick(shape.bodies)
}

const leaving = (random: Random): Sent['leaves'] =>
  random.chance(0.03) ? random.pick(['at once', 'at head', 'in body'] as const) : undefined

/** Node frames the body of a GET or DELETE only when it is told how. */
const framing = (random: Random, body: string | undefined): Fields => {
  if (body === undefined) return {}
  return random.chance(0.2)
    ? { 'transfer-encoding': 'chunked' }
    : { 'content-length': String(Buffer.byteLength(body)) }
}

type Fields = Record<string, string | readonly string[]>

/** How much of what is possible one request has: many have nothing. */
const fieldsFor = (choice: Choice, selects: readonly string[]): Fields => {
  const { random } = choice
  const fields: Fields = Object.create(null)
  const much = random.pick([0, 0, 0.4, 1, 1, 2])
  const chosen: readonly Dimension[] = dimensions.filter(({ field, share }) =>
    random.chance(selects.includes(field) ? 0.5 : share * much),
  )
  for (const { field, value } of chosen) fields[field] = value(choice)
  return fields
}

/** In absolute form the target names the host itself; which one forwarding fields add then is not defined. */
const settleHost = (target: string, fields: Fields): void => {
  if (target.startsWith('/')) return
  delete fields['x-forwarded-host']
  delete fields['x-forwarded-proto']
}

/** A random request for an aim. */
export const requestFor = (random: Random, aim: Aim, id: string, now: number, known: Remembered): Sent => {
  const method = methodFor(random, aim.shape)
  const [tags, dates] = [known.tags(aim.target), known.dates(aim.target)]
  const fields = fieldsFor({ random, now, tags, dates }, aim.shape.selects ?? [])
  settleHost(aim.target, fields)
  const body = bodyFor(random, aim.shape, method)
  const leaves = leaving(random)
  return {
    id,
    method,
    target: aim.target,
    headers: { ...fields, ...framing(random, body), host: aim.host, [exchangeField]: id },
    ...(body === undefined ? {} : { body }),
    ...(leaves === undefined ? {} : { leaves }),
  }
}
