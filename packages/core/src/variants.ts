import { checksum } from './checksum.ts'
import { isToken } from './semantics/fields.ts'

/** Variants kept of one primary key: each is an entry, and a client can send any value of a field. */
const mostVariants = 64
const version = 'v1'
/** Characters; far more than `mostVariants` ids and a key come to. Reading more would take a crafted value too long. */
const longestRecord = 262_144

/** What lies at the primary key of a response that varies: by which fields, and where its variants are. */
export interface VariantRecord {
  readonly key: string
  /** Lower-case, sorted. */
  readonly fields: readonly string[]
  /** Backend keys with their expiry in milliseconds since the epoch, the oldest first. */
  readonly variants: readonly (readonly [id: string, expires: number])[]
}

export const isVariantRecord = (value: string): boolean => value.startsWith(`${version} `)

export const encodeVariants = (record: VariantRecord): string => {
  const text = JSON.stringify({ k: record.key, v: record.fields, i: record.variants })
  return `${version} ${checksum(text)}\n${text}`
}

const isVariant = (value: unknown): value is readonly [string, number] =>
  Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' && typeof value[1] === 'number'

const toRecord = (parsed: unknown): VariantRecord | undefined => {
  if (typeof parsed !== 'object' || parsed === null) return undefined
  const { k, v, i } = parsed as { k?: unknown; v?: unknown; i?: unknown }
  if (typeof k !== 'string' || !Array.isArray(v) || !Array.isArray(i)) return undefined
  if (!v.every((name) => typeof name === 'string' && isToken(name)) || !i.every(isVariant)) return undefined
  return { key: k, fields: v, variants: i }
}

/** The record, or undefined where the value is damaged or belongs to another key. */
export const decodeVariants = (value: string, key: string): VariantRecord | undefined => {
  if (value.length > longestRecord) return undefined
  const end = value.indexOf('\n')
  const text = value.slice(end + 1)
  if (end !== version.length + 9 || value.slice(version.length + 1, end) !== checksum(text)) return undefined
  try {
    const record = toRecord(JSON.parse(text))
    return record?.key === key ? record : undefined
  } catch {
    return undefined
  }
}

/** The record with one variant more, and the variants that had to go for it. */
export const addVariant = (
  record: VariantRecord,
  id: string,
  expires: number,
  now: number,
): { readonly record: VariantRecord; readonly dropped: readonly string[] } => {
  const others = record.variants.filter(([other, until]) => other !== id && until > now)
  const dropped = others.slice(0, Math.max(0, others.length + 1 - mostVariants)).map(([other]) => other)
  const variants = [...others.slice(dropped.length), [id, expires] as const]
  return { record: { ...record, variants }, dropped }
}

/** How long the record must last: as long as the last of its variants. */
export const expiryOf = (record: VariantRecord): number =>
  Math.max(...record.variants.map(([, expires]) => expires))
