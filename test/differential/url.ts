/** Parts of a request target, which may be in absolute form. */
export const splitTarget = (url: string): { readonly path: string; readonly query: string | undefined } => {
  const target = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '')
  const at = target.indexOf('?')
  return at < 0
    ? { path: target, query: undefined }
    : { path: target.slice(0, at), query: target.slice(at + 1) }
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}

/** The name of a raw parameter without what some parsers nest by. */
const baseName = (raw: string): string => decoded(raw.split('=', 1)[0] ?? '').split(/[[.]/, 1)[0] ?? ''

const byBaseName = (a: string, b: string): number => {
  const [first, second] = [baseName(a), baseName(b)]
  return first < second ? -1 : first > second ? 1 : 0
}

/**
 * The parameters that an answer depends on: different names in any order are one query, as they are for handlers that
 * read parameters by name; the order of a repeated name stays.
 */
export const keptQuery = (
  query: string | undefined,
  keeps: (name: string) => boolean,
): string | undefined => {
  if (query === undefined) return undefined
  const kept = query.split('&').filter((raw) => keeps(decoded(raw.split('=', 1)[0] ?? '')))
  return kept.length === 0 ? undefined : kept.sort(byBaseName).join('&')
}

/** One name for the targets that frameworks bring to the same data: letter case, a slash at the end, and `%61`. */
export const looseUrl = (url: string): string => {
  const { path, query } = splitTarget(url)
  const plain = decoded(path).toLowerCase()
  const trimmed = plain.length > 1 && plain.endsWith('/') ? plain.slice(0, -1) : plain
  return query === undefined || query === '' ? trimmed : `${trimmed}?${query.split('&').sort().join('&')}`
}

/** The target as far as the answers of a shape depend on it. */
export const targetOf = (shape: { readonly keeps?: (name: string) => boolean }, url: string): string => {
  const { path, query } = splitTarget(url)
  const kept = keptQuery(query, shape.keeps ?? (() => true))
  return kept === undefined ? path : `${path}?${kept}`
}
