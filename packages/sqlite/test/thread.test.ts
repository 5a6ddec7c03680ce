import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { start, told } from '../../../test/processes/children.ts'
import { buildChild, openDatabase } from './built.ts'
import { createSite } from './site.ts'

const require = createRequire(import.meta.url)

describe('sqlite: the thread', () => {
  test('calls made in one turn are answered together, from one state of the database', async () => {
    await using site = createSite()
    const store = site.open()
    await store.set('key', 'value', 60)
    const order: string[] = []
    const head = Promise.resolve(store.tags.head()).then(() => order.push('head'))
    const get = store.get('key').then(() => order.push('get'))
    const turn = new Promise<void>((resolve) => {
      void head.then(() => setImmediate(() => resolve(void order.push('next turn'))))
    })
    await Promise.all([head, get, turn])
    expect(order).toEqual(['head', 'get', 'next turn'])
  })

  test('no process is kept alive, and calls under way are finished first', async () => {
    await using site = createSite()
    expect(await told(start(await buildChild('idle-child.ts'), site.path))).toBe('value')
    expect(await site.open().get('late')).toBe('stored')
  })

  test('close waits for what was begun; later calls find nothing and store nothing', async () => {
    await using site = createSite()
    const store = site.open()
    const writes = Array.from({ length: 50 }, (_, n) => store.set(`key:${n}`, 'value', 60))
    await store.close()
    await Promise.all(writes)
    expect(await store.get('key:1')).toBeNull()
    await expect(Promise.resolve(store.tags.head())).rejects.toMatchObject({ code: 'CONNECTION_ERROR' })
    expect(await store.health()).toMatchObject({ status: 'unhealthy', connected: false })
    expect((await site.open().stats()).totalEntries).toBe(50)
  })

  test('reads go on while somebody else has the lock for writing, and writes wait until it is free', async () => {
    await using site = createSite()
    const store = site.open()
    await store.set('key', 'value', 60)
    const other = openDatabase(site.path)
    other.exec('BEGIN IMMEDIATE')
    let written = false
    const write = store.set('key', 'later', 60).then(() => {
      written = true
    })
    for (let n = 0; n < 50; n++) expect(await store.get('key')).toBe('value')
    expect(written).toBe(false)
    other.exec('COMMIT')
    other.close()
    await write
    expect(await store.get('key')).toBe('later')
  })

  test('too many calls at once fail at once, and those under way do not', async () => {
    await using site = createSite()
    const store = site.open()
    const calls = Array.from({ length: 10_050 }, () => store.get('key'))
    const outcomes = await Promise.allSettled(calls)
    const failed = outcomes.filter(({ status }) => status === 'rejected')
    expect(failed).toHaveLength(50)
    expect(failed[0]).toMatchObject({ reason: { code: 'BACKEND_ERROR', operation: 'get' } })
    expect(await store.get('key')).toBeNull()
  })

  test('a text with half a surrogate pair is refused rather than stored as another one', async () => {
    await using site = createSite()
    const store = site.open()
    await expect(store.set('key', 'a\ud800', 60)).rejects.toMatchObject({ code: 'SERIALIZATION_ERROR' })
    await expect(store.set('k\udc00', 'value', 60)).rejects.toMatchObject({ code: 'SERIALIZATION_ERROR' })
    expect(await store.get('k\udc00')).toBeNull()
    expect(await store.get('k\ufffd')).toBeNull()
  })
})

describe('sqlite: a library that dies', () => {
  test('ends the calls under way, and the next thread answers', async () => {
    await using site = createSite()
    // A stand-in for the library: it ends its thread when it is told to, as a native fault would not.
    const real = isBuiltin('node:sqlite')
      ? "require('node:sqlite').DatabaseSync"
      : `require(${JSON.stringify(require.resolve('better-sqlite3'))})`
    const fake = join(dirname(site.path), 'fake.cjs')
    writeFileSync(
      fake,
      `const Real = ${real}; const { existsSync, rmSync } = require('node:fs')
       module.exports = class extends Real {
         prepare(sql) {
           if (existsSync(${JSON.stringify(`${fake}.die`)})) { rmSync(${JSON.stringify(`${fake}.die`)}); process.exit(3) }
           return super.prepare(sql)
         }
       }`,
    )
    const { Link } = await import('../src/link.ts')
    const settings = { path: site.path, table: 't', maxEntries: 10, maxBytes: 1e9, maxTags: 100 }
    const link = new Link({ driver: { name: 'better-sqlite3', file: fake }, ...settings }, () => undefined)
    writeFileSync(`${fake}.die`, '')
    await expect(link.call('head', 0)).rejects.toMatchObject({ code: 'CONNECTION_ERROR', operation: 'head' })
    await expect(link.call('head', 0)).rejects.toMatchObject({ code: 'CONNECTION_ERROR' })
    await expect
      .poll(() => link.call('head', 0).catch(() => undefined), { timeout: 5000 })
      .toMatchObject({ seq: 0 })
    await link.close()
  })
})

describe('sqlite: the built package', () => {
  const dist = join(import.meta.dirname, '../dist')
  const runScript = (kind: 'module' | 'commonjs', code: string): string => {
    const { stdout, stderr } = spawnSync(process.execPath, [`--input-type=${kind}`, '-e', code], {
      encoding: 'utf8',
    })
    expect(stderr).toBe('')
    return stdout.trim()
  }
  const esm = `await import(${JSON.stringify(pathToFileURL(join(dist, 'index.js')).href)})`

  test('loads no library by being imported', () => {
    const objects = "process.report.getReport().sharedObjects.filter((file) => file.includes('sqlite'))"
    expect(runScript('module', `${esm}; console.log(${objects}.length)`)).toBe('0')
  })

  test('starts its thread from ESM and from CommonJS', async () => {
    await using site = createSite()
    const use = `const store = sqlite({ path: ${JSON.stringify(site.path)} })
      const run = async () => { await store.set('key', 'value', 60); console.log(await store.get('key')); await store.close() }
      run()`
    expect(runScript('module', `const { sqlite } = ${esm}; ${use}`)).toBe('value')
    const cjs = `require(${JSON.stringify(join(dist, 'index.cjs'))})`
    expect(runScript('commonjs', `const { sqlite } = ${cjs}; ${use}`)).toBe('value')
  })
})
