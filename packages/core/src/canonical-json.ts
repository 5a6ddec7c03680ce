const deepest = 64

/** Numbers that JavaScript may not keep apart, such as 2^53 and 2^53 + 1, or 1e400 and 2e400. */
const inexactNumber = /\d{16}|\.\d{15}|\d[eE]|-0/

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

const sortedMembers = (value: object): (readonly [string, unknown])[] =>
  Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))

const listText = (list: readonly unknown[], depth: number): string | undefined => {
  const parts = list.map((member) => textOf(member, depth + 1))
  return parts.includes(undefined) ? undefined : `[${parts.join(',')}]`
}

const objectText = (value: object, depth: number): string | undefined => {
  const parts: string[] = []
  for (const [name, member] of sortedMembers(value)) {
    const text = textOf(member, depth + 1)
    if (text === undefined) return undefined
    parts.push(`${JSON.stringify(name)}:${text}`)
  }
  return `{${parts.join(',')}}`
}

const textOf = (value: unknown, depth: number): string | undefined => {
  if (depth > deepest) return undefined
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return JSON.stringify(value)
  if (typeof value === 'number') return Number.isFinite(value) ? JSON.stringify(value) : undefined
  if (Array.isArray(value)) return listText(value, depth)
  return typeof value === 'object' && isPlain(value) ? objectText(value, depth) : undefined
}

/** One text for values that differ only in the order of members; undefined for what JSON cannot hold. */
export const canonicalJson = (value: unknown): string | undefined => textOf(value, 0)

/** The same for JSON text; undefined where it is no JSON, too deep, or has numbers that could be mistaken. */
export const canonicalJsonText = (text: string): string | undefined => {
  if (inexactNumber.test(text)) return undefined
  try {
    return canonicalJson(JSON.parse(text))
  } catch {
    return undefined
  }
}
