import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { start, told } from '../../../test/processes/children.ts'
import { buildChild } from './built.ts'

describe('sqlite: without a library that works', () => {
  const builtin = isBuiltin('node:sqlite')
  const directory = mkdtempSync(join(tmpdir(), 'stowage-lacking-'))
  const modules = join(directory, 'node_modules/better-sqlite3')
  const script = join(directory, 'choose.mjs')
  const choose = (driver = ''): Promise<Record<string, unknown>> => told(start(script, driver))

  beforeAll(async () => {
    copyFileSync(await buildChild('driver-child.ts', { inPlace: true }), script)
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  test('what is missing is said where the backend is made, with the way to get it', async () => {
    expect(await choose('better-sqlite3')).toEqual({
      code: 'CACHE_CONFIG_DEPENDENCY',
      path: 'sqlite.driver',
      hint: 'npm install better-sqlite3',
      message: 'sqlite: package "better-sqlite3" is not installed. Run: npm install better-sqlite3.',
    })
  })

  test('one that was not built, or for another Node, is said to be that', async () => {
    mkdirSync(modules, { recursive: true })
    const broken = "module.exports = class { constructor() { throw new Error('no bindings file\\n→ /a') } }"
    writeFileSync(join(modules, 'index.js'), broken)
    expect(await choose('better-sqlite3')).toMatchObject({
      code: 'CACHE_CONFIG_DEPENDENCY',
      message: 'sqlite: better-sqlite3 cannot be loaded (no bindings file). Run: npm rebuild better-sqlite3.',
    })
  })

  test('one that can end the process on this Node is not used', async () => {
    mkdirSync(join(modules, 'lib'), { recursive: true })
    writeFileSync(join(modules, 'lib/index.js'), 'module.exports = class { close() {} }')
    const choices = []
    for (const version of ['12.11.1', '13.0.0']) {
      const manifest = { name: 'better-sqlite3', version, main: 'lib/index.js' }
      writeFileSync(join(modules, 'package.json'), JSON.stringify(manifest))
      choices.push(await choose('better-sqlite3'))
    }
    rmSync(modules, { recursive: true })
    const [older, newer] = choices
    expect(newer).toMatchObject({ name: 'better-sqlite3' })
    const ends = Number.parseInt(process.versions.node, 10) >= 24
    expect(older).toMatchObject(
      ends
        ? {
            message: expect.stringMatching(
              /12\.11\.1 can end the process on Node \d+\. Run: npm install better-sqlite3@13/,
            ),
          }
        : { name: 'better-sqlite3' },
    )
  })

  test('node:sqlite takes its place where Node has it', async () => {
    expect(await choose()).toMatchObject(
      builtin
        ? { name: 'node:sqlite' }
        : { message: expect.stringMatching(/Or: Node \S+ has no node:sqlite; 22\.13 and later have it\.$/) },
    )
  })
})
