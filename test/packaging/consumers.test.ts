import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { blocksOf } from '../docs/pages.ts'
import { serveScript, visit } from '../examples/children.ts'
import { run, runNode } from './command.ts'
import { pack, packDependencies } from './tarballs.ts'
import { packages, root } from './workspace.ts'

const directory = realpathSync(mkdtempSync(join(tmpdir(), 'stowage-consumer-')))

beforeAll(async () => {
  cpSync(join(root, 'test/packaging/consumers'), directory, { recursive: true })
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ name: 'consumer', private: true }))
  const ours = await Promise.all(packages.map((each) => pack(each, directory)))
  const tarballs = [...ours, ...(await packDependencies(directory))]
  // Offline, and peers left out: the express that the workspace has is linked in below.
  const install = [
    'install',
    '--offline',
    '--legacy-peer-deps',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
  ]
  await run('npm', [...install, ...tarballs], { cwd: directory })
  link('express', join(root, 'packages/express/node_modules/express'))
  link('@types/express', join(root, 'node_modules/@types/express'))
  link('@types/node', join(root, 'node_modules/@types/node'))
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

function link(name: string, target: string): void {
  const path = join(directory, 'node_modules', name)
  mkdirSync(dirname(path), { recursive: true })
  symlinkSync(realpathSync(target), path, 'junction')
}

describe('packages installed from their tarballs', () => {
  test.each([
    ['an ESM application', 'application.mjs'],
    ['a CommonJS application', 'application.cjs'],
  ])('answer the second request to %s from the cache', async (_kind, file) => {
    const { exported, runs, visits } = JSON.parse(await runNode([file], { cwd: directory }))
    for (const count of exported) expect(count).toBeGreaterThan(0)
    expect(runs).toBe(1)
    expect(visits[0].cacheStatus).toContain('fwd=uri-miss')
    expect(visits[1].cacheStatus).toContain('hit')
    expect(visits.map(({ body }: { body: string }) => body)).toEqual(['run 1', 'run 1'])
  })

  test('run the first application of README, which answers the second request from the cache', async () => {
    const first = blocksOf(join(root, 'README.md')).find(({ runnable }) => runnable)
    const file = join(directory, 'server.mjs')
    writeFileSync(file, first?.code ?? '')
    await using server = await serveScript(file, directory)
    const statuses: string[] = []
    for (const _turn of [1, 2]) statuses.push((await visit(server.port, '/items')).cacheStatus)
    expect(statuses).toEqual([
      'stowage; fwd=uri-miss; fwd-status=200; ttl=300; stored',
      expect.stringMatching(/^stowage; hit; ttl=\d+$/),
    ])
  })

  test('type-check in a strict NodeNext project, as ESM and as CommonJS', async () => {
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    expect(await runNode([tsc, '-p', directory], { cwd: directory })).toBe('')
  })
})
