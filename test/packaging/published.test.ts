import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publint } from 'publint'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run, runNode } from './command.ts'
import { pack } from './tarballs.ts'
import { type Manifest, packages, root } from './workspace.ts'

const directory = mkdtempSync(join(tmpdir(), 'stowage-published-'))
const tarballs = new Map<string, string>()

beforeAll(async () => {
  await Promise.all(packages.map(async (each) => tarballs.set(each.folder, await pack(each, directory))))
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

interface Problem {
  readonly resolutionKind?: string
}

const tarballOf = (folder: string): string => tarballs.get(folder) ?? ''

describe.each(packages)('the tarball of $folder', (each) => {
  test('satisfies publint', async () => {
    const tarball = readFileSync(tarballOf(each.folder))
    const bytes = tarball.buffer.slice(tarball.byteOffset, tarball.byteOffset + tarball.byteLength)
    const { messages } = await publint({ pack: { tarball: bytes as ArrayBuffer }, strict: true })
    expect(messages).toEqual([])
  })

  test('has types that agree with its code under every module resolution that knows exports', async () => {
    const attw = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js')
    const output = await runNode([attw, tarballOf(each.folder), '--profile', 'node16', '--format', 'json'], {
      cwd: root,
    })
    const { analysis } = JSON.parse(output)
    expect(analysis.types).toEqual({ kind: 'included' })
    expect(Object.keys(analysis.entrypoints)).toEqual(Object.keys(each.manifest.exports))
    // The oldest resolution reads no exports: it finds the main entry and no subpath.
    const problems = analysis.problems.filter((problem: Problem) => problem.resolutionKind !== 'node10')
    expect(problems).toEqual([])
  })

  test('holds the built files, the licence and real version ranges only', async () => {
    const files = await run('tar', ['-tzf', tarballOf(each.folder)], { cwd: directory })
    const unexpected = files
      .trim()
      .split('\n')
      .filter((file) => !/^package\/(?:dist\/.*|package\.json|LICENSE|README\.md|CHANGELOG\.md)$/.test(file))
    expect(unexpected).toEqual([])
    expect(files).toContain('package/LICENSE')
    const manifest: Manifest = JSON.parse(
      await run('tar', ['-xzOf', tarballOf(each.folder), 'package/package.json'], { cwd: directory }),
    )
    const ranges = Object.values({ ...manifest.dependencies, ...manifest.peerDependencies })
    expect(ranges.filter((range) => range.includes(':'))).toEqual([])
  })
})
