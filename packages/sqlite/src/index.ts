export type { SqliteBackend } from './backend.ts'
export type { SqliteOptions } from './options.ts'
export { sqlite } from './sqlite.ts'

export type { SqliteStats } from './stats.ts'
