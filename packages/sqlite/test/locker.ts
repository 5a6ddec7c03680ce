import { Database } from './library.ts'

/** Holds a database, which nobody else has open yet, for itself alone until it is told to let go. */
const [, , path = ''] = process.argv
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
