import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { CacheBackend, TagState } from '@stowage/core'

/** A store that processes share. */
export type SharedStore = Pick<CacheBackend, 'get' | 'set' | 'delete' | 'close'> & {
  readonly tags: TagState
  stats(): unknown
}

const [, , mode = '', , count = '0'] = process.argv
const times = Number(count)
const tell = (about: unknown): void => void process.stdout.write(`${JSON.stringify(about)}\n`)

/** A value that says what it belongs to, at both of its ends and throughout. */
const textOf = (key: string, n: number): string => `${key}|${process.pid}:${n}|`.repeat(1 + ((n * 37) % 400))

const isWhole = (key: string, value: string): boolean => {
  const unit = value.slice(0, value.indexOf('|', key.length + 1) + 1)
  return value.startsWith(`${key}|`) && value === unit.repeat(value.length / unit.length)
}

const write = async (store: SharedStore): Promise<void> => {
  for (let n = 0; ; n++) {
    await Promise.all(
      [0, 1, 2, 3].map((i) => store.set(`key:${(n + i) % 40}`, textOf(`key:${(n + i) % 40}`, n), 60)),
    )
    if (n % 3 === 0) await store.tags.bump([`t:${n % 7}`])
    if (n === 0) tell('ready')
  }
}

const mixed = async (store: SharedStore): Promise<void> => {
  let [read, torn, failed] = [0, 0, 0]
  const one = async (n: number): Promise<unknown> => {
    const key = `key:${(n * 7 + process.pid) % 20}`
    // Another each time that the key comes again: else a process would do one thing alone with each of them.
    const drawn = (n + Math.floor(n / 20) * 7 + process.pid) % 10
    if (drawn < 4) return store.set(key, textOf(key, n), 60)
    if (drawn === 4) return store.delete(key)
    const value = await store.get(key)
    if (value !== null) read++
    if (value !== null && !isWhole(key, value)) torn++
  }
  const tried = (n: number): Promise<unknown> =>
    one(n).catch(() => {
      failed++
    })
  for (let n = 0; n < times; n += 4) await Promise.all([0, 1, 2, 3].map((i) => tried(n + i)))
  tell({ read, torn, failed })
}

const bump = async (store: SharedStore): Promise<void> => {
  const taken: number[] = []
  let behind = 0
  for (let n = 0; n < times; n++) {
    const before = await store.tags.head()
    const seq = await store.tags.bump(['t:shared', `t:${process.pid}`])
    const [shared = 0, own = 0] = await store.tags.read(['t:shared', `t:${process.pid}`])
    if (seq <= before.seq || shared < seq || own !== seq) behind++
    taken.push(seq)
  }
  tell({ taken, behind, epoch: (await store.tags.head()).epoch })
}

const note = async (directory: string, name: string, value: number): Promise<void> => {
  await writeFile(join(directory, `${name}.next`), String(value))
  await rename(join(directory, `${name}.next`), join(directory, name))
}

const noted = async (directory: string, name: string): Promise<number> =>
  Number(await readFile(join(directory, name), 'utf8').catch(() => '0'))

/** Changes the data, invalidates, and says when that is resolved. */
const change = async (store: SharedStore, directory: string): Promise<void> => {
  for (let version = 1; version <= times; version++) {
    await note(directory, 'data', version)
    await store.tags.bump(['t:data'])
    await note(directory, 'resolved', version)
    // The readers need their turns for there to be something to catch.
    await pause(1)
  }
  tell('done')
}

/** Fills and reads as a cache does: nothing older than what was resolved before is ever answered with. */
const serve = async (store: SharedStore, directory: string): Promise<void> => {
  let [answered, old] = [0, 0]
  while ((await noted(directory, 'resolved')) < times) {
    const owed = await noted(directory, 'resolved')
    const [head, raw] = await Promise.all([store.tags.head(), store.get('page')])
    const entry =
      raw === null ? undefined : (JSON.parse(raw) as { version: number; seq: number; epoch: string })
    const valid =
      entry?.epoch === head.epoch &&
      (entry.seq === head.seq || ((await store.tags.read(['t:data']))[0] ?? 0) <= entry.seq)
    if (valid) {
      answered++
      if (entry.version < owed) old++
    } else await store.set('page', JSON.stringify({ version: await noted(directory, 'data'), ...head }), 60)
  }
  tell({ answered, old })
}

/** Has used all that there is, and leaves it open. */
const leave = async (store: SharedStore): Promise<void> => {
  await store.set('key', 'value', 60)
  await store.tags.bump(['t:a'])
  await store.stats()
  tell('done')
}

const modes: Readonly<Record<string, (store: SharedStore, directory: string) => Promise<void>>> = {
  write,
  mixed,
  bump,
  change,
  serve,
  leave,
}

/** What a process does to a store until it is killed, or has done enough; a line of JSON a result. */
export const work = async (store: SharedStore, directory: string): Promise<void> => {
  await modes[mode]?.(store, directory)
  if (mode !== 'leave') await store.close()
}
