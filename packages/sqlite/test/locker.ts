import { createRequire } from 'node:module'

/** Holds a database, which nobody else has open yet, for itself alone until it is told to let go. */
const [, , path = ''] = process.argv
const Database = createRequire(import.meta.url)('better-sqlite3') as new (
  path: string,
) => { exec(sql: string): void; close(): void }
const database = new Database(path)
database.exec(
  'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; BEGIN EXCLUSIVE; CREATE TABLE lock (a)',
)
process.stdout.write('locked\n')
process.stdin.once('data', () => {
  database.exec('ROLLBACK')
  database.close()
  process.exit(0)
})
