import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { RedisOptions } from '@stowage/redis'
import { onTestFinished } from 'vitest'
import { bundle } from '../processes/bundle.ts'

export const send = (
  port: number,
  method: string,
  path: string,
): Promise<{ status: number; body: string; hit: boolean; cacheStatus: string }> =>
  new Promise((resolve, reject) => {
    const headers = { host: 'shop.example' }
    const sent = request({ port, method, path, headers, host: '127.0.0.1' }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk
      })
      const hit = /; hit\b/.test(String(response.headers['cache-status']))
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          body,
          hit,
          cacheStatus: String(response.headers['cache-status']),
        }),
      )
    })
    sent.on('error', reject).end()
  })

/** An origin whose items have versions; an answer leaves some time after its version was read. */
export const startOrigin = async (random: () => number) => {
  const versions = new Map<string, number>()
  const origin = createServer((incoming, response) => {
    const version = versions.get(incoming.url ?? '') ?? 0
    setTimeout(() => response.end(String(version)), random() * 25)
  })
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void origin.close())
  return { versions, url: `http://127.0.0.1:${(origin.address() as AddressInfo).port}` }
}

/** Processes with a cache of their own on a shared Redis; with memory in front of it where they are tiered. */
export interface Children {
  /** The port of one more, which ends with the test. `server` is a URL, or options of `redis()` that JSON can tell. */
  start(
    server: string | RedisOptions,
    origin: string,
    skewMs: number,
    kind?: 'tiered' | 'plain',
  ): Promise<number>
  end(): void
}

export const buildChild = (): Children => {
  const { script, remove } = bundle(new URL('sharing-child.ts', import.meta.url), { format: 'cjs' })
  return {
    start: async (server, origin, skewMs, kind = 'plain') => {
      const options = JSON.stringify(typeof server === 'string' ? { url: server } : server)
      const child = fork(script, [options, origin, String(skewMs), kind])
      onTestFinished(() => void child.kill('SIGKILL'))
      const [port] = (await once(child, 'message')) as [number]
      return port
    },
    end: remove,
  }
}
