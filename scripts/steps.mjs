// The steps that bring a clone to where its commands run. Needs Node and npm, nothing else.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { packagesInOrder, root, rootManifest } from './workspace.mjs'

const stampFile = (step) => join(root, `node_modules/.cache/stowage/${step}`)

export class StepError extends Error {}

/** Runs one program to its end; throws a StepError when it fails. With `quiet` its output is shown only then. */
export function run(title, command, args, { quiet = false, env = {} } = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', quiet ? 'pipe' : 'inherit', quiet ? 'pipe' : 'inherit'],
    maxBuffer: Number.POSITIVE_INFINITY,
    // npx is a .cmd file on Windows, which only a shell can start.
    shell: process.platform === 'win32' && command === 'npx',
  })
  if (result.status === 0) return
  if (quiet) process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}`)
  throw new StepError(
    `${title} failed (${result.error?.message ?? result.signal ?? `exit ${result.status}`})`,
  )
}

export function install() {
  const state = digest([join(root, 'pnpm-lock.yaml')])
  if (isDone('install', state)) return
  console.log('Installing dependencies ...')
  const pnpm = rootManifest.packageManager
  run('install', 'npx', ['--yes', pnpm, 'install', '--frozen-lockfile'], { quiet: true, env: { CI: 'true' } })
  markDone('install', state)
}

export function build({ always = false } = {}) {
  const state = digest(buildInputs())
  if (!always && isDone('build', state) && packagesInOrder().every(isBuilt)) return
  console.log('Building ...')
  run('build', process.execPath, [join(root, 'scripts/build.mjs')])
  markDone('build', state)
}

/** Runs the steps of a command; a failed one ends the process with one plain line. */
export function main(command, steps) {
  try {
    requireNode()
    steps()
  } catch (error) {
    if (!(error instanceof StepError)) throw error
    console.error(`${command}: ${error.message}`)
    process.exitCode = 1
  }
}

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new StepError(`Node 20.19 or newer is needed; this is ${process.version}`)
  }
}

function isDone(step, state) {
  return existsSync(stampFile(step)) && readFileSync(stampFile(step), 'utf8') === state
}

function markDone(step, state) {
  mkdirSync(dirname(stampFile(step)), { recursive: true })
  writeFileSync(stampFile(step), state)
}

const isBuilt = ({ directory, entries }) =>
  Object.keys(entries).every((entry) => existsSync(join(directory, `dist/${entry}.cjs`)))

function buildInputs() {
  const shared = [
    'pnpm-lock.yaml',
    'tsconfig.json',
    'tsconfig.build.json',
    'scripts/build.mjs',
    'scripts/workspace.mjs',
  ]
  const own = packagesInOrder().flatMap(({ directory }) => [
    join(directory, 'package.json'),
    join(directory, 'tsconfig.build.json'),
    ...filesUnder(join(directory, 'src')),
  ])
  return [...shared.map((path) => join(root, path)), ...own]
}

const filesUnder = (directory) =>
  readdirSync(directory, { recursive: true })
    .map((path) => join(directory, path))
    .filter((path) => statSync(path).isFile())
    .sort()

function digest(files) {
  const hash = createHash('sha256').update(process.platform)
  for (const file of files)
    hash.update(file.slice(root.length)).update('\0').update(readFileSync(file)).update('\0')
  return hash.digest('hex')
}
