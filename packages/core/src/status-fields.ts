import type { FieldMap } from './message.ts'
import type { StatusHeader } from './options.ts'
import { appendCacheStatus, type CacheStatus, formatCacheStatus } from './semantics/cache-status.ts'
import { fieldValue } from './semantics/fields.ts'

/** What the status fields tell of one request. */
export interface Handling extends CacheStatus {
  /** Milliseconds of the stored response's freshness lifetime. */
  readonly lifetime?: number | undefined
}

/** How a cache tells what it did. */
export interface StatusSettings {
  readonly name: string
  readonly statusHeaders: readonly StatusHeader[]
  /** Keys are shown in debugging alone: they may hold header values. */
  readonly debug: boolean
  readonly backendName: string
}

const wordOf = ({ hit, ttl, fwd, collapsed }: Handling): string => {
  if (hit !== true)
    return collapsed === true ? 'HIT' : fwd === 'bypass' || fwd === 'method' ? 'BYPASS' : 'MISS'
  return ttl !== undefined && ttl < 0 ? 'STALE' : 'HIT'
}

const fieldNames: Readonly<Record<StatusHeader, string>> = {
  'Cache-Status': 'cache-status',
  'X-Cache-Status': 'x-cache-status',
  'X-Cache-Key': 'x-cache-key',
  'X-Cache-Timeout': 'x-cache-timeout',
  'X-Cache-Backend': 'x-cache-backend',
}

/** A lone surrogate is no text that could be encoded. */
const wellFormed = (text: string): string => Buffer.from(text).toString()

const fieldOf = (header: StatusHeader, settings: StatusSettings, handling: Handling): string | undefined => {
  switch (header) {
    case 'X-Cache-Status':
      return wordOf(handling)
    case 'X-Cache-Key':
      return settings.debug && handling.key !== undefined ? encodeURI(wellFormed(handling.key)) : undefined
    case 'X-Cache-Timeout':
      return handling.lifetime === undefined ? undefined : String(Math.floor(handling.lifetime / 1000))
    case 'X-Cache-Backend':
      return settings.backendName
    default:
      return undefined
  }
}

const cacheStatus = (settings: StatusSettings, handling: Handling, existing: FieldMap): string => {
  const shown = settings.debug || handling.key === undefined ? handling : { ...handling, key: undefined }
  return appendCacheStatus(fieldValue(existing, 'cache-status'), formatCacheStatus(settings.name, shown))
}

/** The fields that tell what the cache did (RFC 9211), `existing` being those of caches nearer to the origin. */
export const statusFields = (
  settings: StatusSettings,
  handling: Handling,
  existing: FieldMap,
): Record<string, string> => {
  const fields: Record<string, string> = {}
  for (const header of settings.statusHeaders) {
    const value =
      header === 'Cache-Status'
        ? cacheStatus(settings, handling, existing)
        : fieldOf(header, settings, handling)
    if (value !== undefined) fields[fieldNames[header]] = value
  }
  return fields
}
