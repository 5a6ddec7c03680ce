import type { Call, Shape } from '../shape.ts'

type Fields = Readonly<Record<string, string | readonly string[]>>

export const setFields = ({ reply }: Call, fields: Fields): void => {
  for (const name of Object.keys(fields)) reply.set(name, fields[name] ?? '')
}

/** Sends the stamp as text, with these fields. */
export const answer = (call: Call, fields: Fields, variant: Readonly<Record<string, unknown>> = {}): void => {
  setFields(call, fields)
  call.reply.send(call.stamp(variant))
}

export const minute: Fields = { 'Cache-Control': 'max-age=60' }

/** A shape that answers with its stamp and one Cache-Control value. */
export const saying = (
  name: string,
  cacheControl: string,
  expected: Omit<Partial<Shape>, 'name' | 'handle'>,
  fields: Fields = {},
): Shape => ({
  name,
  ...expected,
  handle: (call) => answer(call, { 'Cache-Control': cacheControl, ...fields }),
})
