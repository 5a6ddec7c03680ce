// npm test: every check of the project, one after another. Its last line counts the tests; whatever could not run is a failure.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, install, main, run, StepError } from './steps.mjs'
import { root } from './workspace.mjs'

const full = process.argv.includes('--full')
const filters = process.argv.slice(2).filter((argument) => argument !== '--full')

const bin = (path) => join(root, 'node_modules', path)

main('test', () => {
  install()
  check('lint', '@biomejs/biome/bin/biome', ['check', '.'])
  check('typecheck', 'typescript/bin/tsc', ['-p', 'tsconfig.json'])
  build({ always: true })
  requireSqlite()
  runTests()
})

/** Everything else works without it; its tests do not, and would say so one by one. From Node 24 on they use Node's own. */
function requireSqlite() {
  if (Number.parseInt(process.versions.node, 10) >= 24) return
  const code = "new (require('better-sqlite3'))(':memory:').close()"
  const options = { cwd: join(root, 'packages/sqlite'), encoding: 'utf8' }
  const { status } = spawnSync(process.execPath, ['--input-type=commonjs', '-e', code], options)
  if (status !== 0) {
    const advice = 'with a network, or a C++ compiler, make and Python: npx pnpm rebuild better-sqlite3'
    throw new StepError(
      `better-sqlite3 is not built for Node ${process.version}, and its tests need it (${advice})`,
    )
  }
}

function check(title, path, args) {
  console.log(`${title} ...`)
  run(title, process.execPath, [bin(path), ...args])
}

function runTests() {
  const directory = mkdtempSync(join(tmpdir(), 'stowage-test-'))
  const report = join(directory, 'report.json')
  const { status } = spawnSync(
    process.execPath,
    [
      bin('vitest/vitest.mjs'),
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...filters,
    ],
    {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...(full && { STOWAGE_FULL: '1' }) },
    },
  )
  const counts = count(report)
  rmSync(directory, { recursive: true, force: true })
  // Errors outside of any test fail the run without failing a test.
  if (status !== 0 && counts.failed === 0) counts.failed = 1
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
  if (skipped !== '') console.error('test: a skipped test is a failure here')
  console.log(`${counts.passed} passed, ${counts.failed} failed${skipped}`)
  if (status !== 0 || counts.passed === 0 || counts.failed > 0 || skipped !== '') process.exitCode = 1
}

function count(report) {
  if (!existsSync(report)) return { passed: 0, failed: 1, skipped: 0 }
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'))
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const file of testResults) {
    for (const { status } of file.assertionResults) {
      counts[status === 'passed' || status === 'failed' ? status : 'skipped'] += 1
    }
    // A file that could not be loaded has no tests to fail.
    const failedAsAWhole =
      file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed')
    if (failedAsAWhole) counts.failed += 1
  }
  return counts
}
