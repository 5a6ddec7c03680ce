export type { SqliteOptions } from './options.ts'
export { sqlite } from './sqlite.ts'
export type { SqliteBackend } from './sqlite-store.ts'
export type { SqliteStats } from './stats.ts'
