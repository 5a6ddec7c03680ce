import { fork, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const has = (program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined

const pins = has('taskset')
export const generator = has('wrk') ? 'wrk' : 'autocannon'

const serverCore = '0'
const generatorCore = '1'

export const fileOf = (name) => fileURLToPath(new URL(name, import.meta.url))

/** The command to run something on one core; without taskset, wherever the system puts it. */
const pinned = (core, command) => (pins ? ['taskset', '-c', core, ...command] : command)

/** A Node process of its own on the core of servers, asked over its channel. */
export async function startServer(script, argument, execArgv = []) {
  const [execPath, ...rest] = pinned(serverCore, [process.execPath, ...execArgv])
  const child = fork(fileOf(script), argument === undefined ? [] : [argument], {
    execPath,
    execArgv: rest,
    env: { ...process.env, NODE_ENV: 'production' },
  })
  const gone = once(child, 'exit').then(([code]) => {
    throw new Error(`${script} ended with code ${code}`)
  })
  const answer = async () => (await Promise.race([once(child, 'message'), gone]))[0].result
  const port = await answer()
  const ask = (command, parameter) => {
    child.send({ command, argument: parameter })
    return answer()
  }
  const stop = async () => {
    child.disconnect()
    await gone.catch(() => undefined)
  }
  return { origin: `http://127.0.0.1:${port}`, ask, stop }
}

/** Runs a Node script on the core of servers and reads the JSON that it prints. */
export const measure = (script, args = []) =>
  readJson(pinned(serverCore, [process.execPath, fileOf(script), ...args]))

async function readJson(command) {
  return JSON.parse(await output(command))
}

async function output([command, ...args]) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (piece) => {
    text += piece
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with code ${code}`)
  return text
}

/** Loads a server for some seconds over 50 connections; throws where an answer was an error. */
export async function load(origin, { method = 'GET', path, headers = {}, ids }, seconds) {
  const plan = JSON.stringify({ origin, method, path, headers, ids, seconds })
  const errors = generator === 'wrk' ? await loadByWrk(plan) : await loadByAutocannon(plan)
  if (errors > 0) throw new Error(`${errors} requests of ${method} ${path} failed`)
}

async function loadByWrk(plan) {
  const { origin, method, path, headers, ids, seconds } = JSON.parse(plan)
  const fields = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const script = [
    '-s',
    fileOf('requests.lua'),
    origin + path,
    '--',
    method,
    path,
    ids?.from ?? '',
    ids?.upTo ?? '',
  ]
  const text = await output(
    pinned(generatorCore, ['wrk', '-t1', '-c50', `-d${seconds}s`, ...fields, ...script.map(String)]),
  )
  const failed = /Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0
  const broken = /Socket errors: .*(?:connect|read|write|timeout) [1-9]/.test(text) ? 1 : 0
  return Number(failed) + broken
}

const loadByAutocannon = (plan) =>
  readJson(pinned(generatorCore, [process.execPath, fileOf('autocannon-load.mjs'), plan]))
