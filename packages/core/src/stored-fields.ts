import { type FieldTable, newFieldTable } from './field-table.ts'
import type { FieldMap } from './message.ts'
import type { ResponseDirectives } from './semantics/cache-control.ts'

/** Fields of one exchange, which are never replayed to another: Age is counted anew (RFC 9111 §5.1), cookies are for one client (§7.3). */
const exchangeFields: ReadonlySet<string> = new Set([
  'age',
  'date',
  'server-timing',
  'x-request-id',
  'request-id',
  'x-correlation-id',
  'x-trace-id',
  'x-amzn-trace-id',
  'b3',
  'cf-ray',
  'traceparent',
  'tracestate',
  'x-response-time',
  'x-runtime',
  'set-cookie',
  'set-cookie2',
  'clear-site-data',
])

const isExchangeField = (name: string, status: number): boolean =>
  exchangeFields.has(name) ||
  name.startsWith('ratelimit') ||
  name.startsWith('x-ratelimit-') ||
  name.startsWith('x-b3-') ||
  (name === 'retry-after' && status >= 200 && status < 300)

/** What the content cannot be used without, whatever `includeHeaders` says. */
const contentFields: ReadonlySet<string> = new Set([
  'content-type',
  'content-encoding',
  'content-language',
  'content-location',
  'content-range',
  'content-disposition',
  'cache-control',
  'expires',
  'etag',
  'last-modified',
  'location',
  'vary',
])

/** Which fields a policy stores. */
export interface FieldRules {
  readonly includeHeaders: readonly string[] | undefined
  readonly excludeHeaders: readonly string[]
}

/** Field names that the qualified private and no-cache keep out of a shared store (RFC 9111 §5.2.2.4, §5.2.2.7). */
const withheld = (directives: ResponseDirectives): ReadonlySet<string> => {
  const names = new Set<string>()
  if (Array.isArray(directives.private)) for (const name of directives.private) names.add(name)
  if (Array.isArray(directives.noCache)) for (const name of directives.noCache) names.add(name)
  return names
}

/** The header fields to store (RFC 9111 §3.1): all but those of the exchange, of one user, and those that the policy leaves out. */
export const storedFields = (
  status: number,
  headers: FieldMap,
  directives: ResponseDirectives,
  rules: FieldRules,
): FieldTable => {
  const kept = newFieldTable()
  const secret = withheld(directives)
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (value === undefined || isExchangeField(name, status) || secret.has(name)) continue
    if (rules.excludeHeaders.includes(name)) continue
    if (
      rules.includeHeaders !== undefined &&
      !rules.includeHeaders.includes(name) &&
      !contentFields.has(name)
    )
      continue
    kept[name] = value
  }
  return kept
}
