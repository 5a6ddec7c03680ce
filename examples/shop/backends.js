// Where the shop may keep its responses: each is set up, used, and taken away again by the demo.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { cacheServer, file, httpApi, memory, tiered } from '@stowage/core'

export class BackendError extends Error {}

function temporaryDirectory() {
  const directory = mkdtempSync(join(tmpdir(), 'stowage-demo-'))
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) }
}

function onFiles() {
  const { directory, remove } = temporaryDirectory()
  return { open: () => file({ directory }), end: remove }
}

async function onSqlite() {
  const { sqlite } = await import('@stowage/sqlite')
  const { directory, remove } = temporaryDirectory()
  return { open: () => sqlite({ path: join(directory, 'cache.db') }), end: remove }
}

/** The process that keeps the entries is this one, and is asked over HTTP all the same. */
async function onHttp() {
  const token = 'demo'
  const store = memory()
  const server = createServer(cacheServer({ backend: store, token })).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const baseUrl = `http://127.0.0.1:${server.address().port}`
  const end = () => {
    server.close()
    server.closeAllConnections()
    store.close()
  }
  return { open: () => httpApi({ baseUrl, authToken: token }), end }
}

const isExecutable = (path) => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const onPath = (name) =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(isExecutable)

const answersOn = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('close', () => undefined).unref()
    socket.once('connect', () => socket.destroy())
  })

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** REDIS_URL, or a server of the demo's own. */
async function redisUrl() {
  if (process.env.REDIS_URL) return { url: process.env.REDIS_URL, end: () => undefined }
  const program = onPath('redis-server') ?? onPath('valkey-server')
  if (program === undefined)
    throw new BackendError(
      'no redis-server on the PATH. Install it (apt-get install redis-server), or set REDIS_URL',
    )
  const { directory, remove } = temporaryDirectory()
  const port = await freePort()
  const options = [
    '--port',
    port,
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    directory,
  ]
  const child = spawn(program, options.map(String), { stdio: 'ignore' })
  const end = () => {
    child.kill('SIGKILL')
    remove()
  }
  for (let tries = 0; !(await answersOn(port)); tries += 1) {
    if (tries > 200) {
      end()
      throw new BackendError('redis-server does not answer')
    }
    await delay(20)
  }
  return { url: `redis://127.0.0.1:${port}`, end }
}

async function onRedis() {
  const { redis } = await import('@stowage/redis')
  const { url, end } = await redisUrl()
  return { open: () => redis({ url }), end }
}

async function onTiers() {
  const { redis } = await import('@stowage/redis')
  const { url, end } = await redisUrl()
  // Another process hears of an invalidation by a message, at the latest within a second.
  return { open: () => tiered(memory(), redis({ url })), end, heardWithinMs: 1000 }
}

/** By name: `open()` makes a backend, each time another client of the one store; `end()` takes that away. */
export const backends = {
  memory: () => ({ open: () => memory(), end: () => undefined, alone: true }),
  file: onFiles,
  sqlite: onSqlite,
  http: onHttp,
  redis: onRedis,
  tiered: onTiers,
}
