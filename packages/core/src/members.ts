import type { CacheBackend } from './backend.ts'
import type { Logger } from './options.ts'

/** The methods that a value lacks: all of them, where it is none that could have any. */
export const lacking = (value: unknown, names: readonly string[]): string[] =>
  names.filter((name) => typeof (Object(value) as Record<string, unknown>)[name] !== 'function')

/** What every backend has. */
export const backendMembers = ['get', 'set', 'delete', 'close'] as const
export const loggerMembers = ['debug', 'info', 'warn', 'error'] as const

export const isBackend = (value: unknown): value is CacheBackend =>
  lacking(value, backendMembers).length === 0

export const isLogger = (value: unknown): value is Logger => lacking(value, loggerMembers).length === 0
