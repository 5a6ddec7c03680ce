import { randomBytes } from 'node:crypto'
import type { Connection } from './driver.ts'

/** Raised with every change of the tables: what an older version left is dropped. */
const currentVersion = 1

/** Of the write-ahead log: beyond it the file is cut back when the log begins anew. */
const keptLogBytes = 8 * 1024 ** 2

export interface Names {
  readonly entries: string
  readonly expiry: string
  readonly state: string
  readonly tags: string
  readonly tagOrder: string
}

/** Quoted, for the name of a table may be a word of SQL. */
export const namesFor = (table: string): Names => ({
  entries: `"${table}"`,
  expiry: `"idx_${table}_expires"`,
  state: `"${table}_state"`,
  tags: `"${table}_tags"`,
  tagOrder: `"idx_${table}_tags_seq"`,
})

const settings = `
  PRAGMA auto_vacuum = INCREMENTAL;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA journal_size_limit = ${keptLogBytes};
  PRAGMA wal_autocheckpoint = 1000;
  PRAGMA temp_store = MEMORY;
  PRAGMA trusted_schema = OFF;
`

const creation = ({ entries, expiry, state, tags, tagOrder }: Names): string => `
  CREATE TABLE ${entries} (
    key TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL,
    expires REAL NOT NULL,
    created REAL NOT NULL
  );
  CREATE INDEX ${expiry} ON ${entries} (expires);
  CREATE TABLE ${tags} (tag TEXT PRIMARY KEY NOT NULL, seq INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX ${tagOrder} ON ${tags} (seq);
  CREATE TABLE ${state} (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL,
    epoch TEXT NOT NULL,
    seq INTEGER NOT NULL DEFAULT 0,
    floor INTEGER NOT NULL DEFAULT 0,
    tags INTEGER NOT NULL DEFAULT 0,
    entries INTEGER NOT NULL DEFAULT 0
  );
  INSERT INTO ${state} (id, version, epoch) VALUES (1, ${currentVersion}, '${randomBytes(12).toString('base64url')}');
`

/** Which of our tables there are. */
const present = (connection: Connection, table: string): ReadonlySet<string> => {
  const rows = connection
    .prepare(
      `SELECT lower(name) AS name FROM sqlite_schema WHERE type = 'table' AND lower(name) IN (?, ?, ?)`,
    )
    .all(...[table, `${table}_state`, `${table}_tags`].map((name) => name.toLowerCase()))
  return new Set(rows.map((row) => (row as { name: string }).name))
}

const versionOf = (connection: Connection, { state }: Names): number => {
  const row = connection.prepare(`SELECT version FROM ${state} WHERE id = 1`).get()
  return (row as { version: number } | undefined)?.version ?? 0
}

/** Nothing: there is none of our tables. Another one's table is left as it is. */
const foundVersion = (connection: Connection, table: string): number | undefined => {
  const tables = present(connection, table)
  if (tables.size === 0) return undefined
  if (!tables.has(`${table}_state`.toLowerCase()))
    throw new Error(`the table "${table}" was made by something else. Name another table`)
  const version = versionOf(connection, namesFor(table))
  if (version <= currentVersion) return version
  throw new Error(`the table "${table}" was made by a newer version of this package`)
}

/** Tables as this version has them. Without need no lock for writing is taken, so a file that cannot be written can be read. */
export const prepareSchema = (connection: Connection, table: string): void => {
  connection.exec(settings)
  if (foundVersion(connection, table) === currentVersion) return
  const names = namesFor(table)
  connection.exec('BEGIN IMMEDIATE')
  try {
    // Another process may have been faster.
    const version = foundVersion(connection, table)
    if (version !== currentVersion) {
      if (version !== undefined)
        connection.exec(
          `DROP TABLE IF EXISTS ${names.entries}; DROP TABLE IF EXISTS ${names.tags}; DROP TABLE ${names.state}`,
        )
      connection.exec(creation(names))
    }
    connection.exec('COMMIT')
  } catch (error) {
    connection.exec('ROLLBACK')
    throw error
  }
}
