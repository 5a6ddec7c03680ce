import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSettings } from '../calls.ts'
import { type Connection, connect, isBusy, resultOf } from './driver.ts'
import { prepareSchema } from './schema.ts'
import { createStore, type Store } from './store.ts'

interface Opened {
  readonly connection: Connection
  readonly store: Store
  readonly file: string
}

/** After an attempt to open that failed, the next ones fail the same way for so long, without trying. */
const pauseMs = 1000

/** Names the file itself: another one may have taken its place. */
const identify = (path: string): string | undefined => {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat === undefined ? undefined : `${stat.dev}:${stat.ino}`
}

/** The file as this thread has it open, opened when it is needed, and anew when it is another one. */
export class Session {
  readonly #settings: DatabaseSettings
  #opened: Opened | undefined
  #refusal: { readonly error: unknown; readonly until: number } | undefined

  constructor(settings: DatabaseSettings) {
    this.#settings = settings
  }

  store(): Store {
    if (this.#opened !== undefined && identify(this.#settings.path) !== this.#opened.file) this.close()
    this.#opened ??= this.#open()
    return this.#opened.store
  }

  /** What an error means for the file: one that is damaged is put aside, and the next call has a new one. */
  heed(error: unknown): void {
    const result = resultOf(error)
    const file = this.#opened?.file
    // What never was a database belongs to somebody who will miss it.
    if (result === 'CORRUPT' || (result === 'NOTADB' && file !== undefined)) this.#putAside(file)
    else if (result === 'IOERR' || result === 'CANTOPEN') this.close()
  }

  close(): void {
    const opened = this.#opened
    this.#opened = undefined
    try {
      opened?.connection.close()
    } catch {}
  }

  #open(): Opened {
    if (this.#refusal !== undefined && performance.now() < this.#refusal.until) throw this.#refusal.error
    try {
      const opened = this.#connect()
      this.#refusal = undefined
      return opened
    } catch (error) {
      if (!isBusy(error)) this.#refusal = { error, until: performance.now() + pauseMs }
      throw error
    }
  }

  #connect(): Opened {
    const { driver, path, table } = this.#settings
    const isNew = identify(path) === undefined
    if (isNew) mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const connection = connect(driver, path)
    try {
      // SQLite makes the file when it is first read, and the files beside it with the same rights.
      connection.prepare('PRAGMA schema_version').get()
      if (isNew && existsSync(path)) chmodSync(path, 0o600)
      const file = identify(path) ?? ''
      prepareSchema(connection, table)
      return { connection, store: createStore(connection, this.#settings), file }
    } catch (error) {
      connection.close()
      throw error
    }
  }

  /**
   * Only the file that was open: another process may have put a new one there already. The rest are looked at by
   * nobody but SQLite: opening and closing a file here would end the locks that other threads hold on it.
   */
  #putAside(file: string | undefined): void {
    const { path } = this.#settings
    this.close()
    try {
      if (file !== undefined && identify(path) !== file) return
      renameSync(path, `${path}.damaged`)
      rmSync(`${path}-shm`, { force: true })
      if (existsSync(`${path}-wal`)) renameSync(`${path}-wal`, `${path}.damaged-wal`)
      this.#refusal = undefined
    } catch {
      // It stays, and every call goes on failing until somebody sees to it.
    }
  }
}
