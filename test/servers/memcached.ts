import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { findServer } from './find-server.ts'
import { freePort } from './ports.ts'
import { eventually } from './redis.ts'

export interface MemcachedServer {
  readonly address: string
  end(): Promise<void>
}

const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })

/** Starts `memcached` on a free port; values of up to 8 mb. */
export const startMemcached = async (): Promise<MemcachedServer> => {
  const file = findServer({
    names: ['memcached'],
    debian: 'memcached',
    missing:
      'These tests need memcached on the PATH: apt-get install -y memcached, or brew install memcached.',
  })
  const port = await freePort()
  const child = spawn(file, ['-l', '127.0.0.1', '-p', String(port), '-U', '0', '-I', '8m', '-u', 'nobody'], {
    stdio: 'ignore',
  })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  const end = async (): Promise<void> => {
    process.off('exit', kill)
    kill()
    await exited
  }
  try {
    await eventually(() => isListening(port), 'memcached listens')
  } catch (error) {
    await end()
    throw error
  }
  return { address: `127.0.0.1:${port}`, end }
}
