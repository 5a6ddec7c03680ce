import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { connect, constants, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2'
import { createRequire } from 'node:module'
import type { CacheOptions } from '@stowage/core'
import { type CachedListener, cached } from '@stowage/node'
import { listen } from './plain.ts'

// They are CommonJS, and Vitest would make modules of them.
const require = createRequire(import.meta.url)
export const express = require('express') as typeof import('express')
export const Koa = require('koa') as typeof import('koa')
export const connectApp = require('connect') as typeof import('connect')
export const Fastify = require('fastify') as typeof import('fastify').default

export const fresh = 'max-age=60'

/** The cache in front of a listener, served until the test is over. */
export const serveCached = async (
  listener: RequestListener,
  options?: CacheOptions<IncomingMessage>,
): Promise<{ readonly port: number; readonly handler: CachedListener }> => {
  const handler = cached(listener, options)
  return { port: await listen(createServer(handler)), handler }
}

export interface Answer2 {
  readonly status: number | undefined
  readonly cache: string
  readonly text: string
}

/** One request over HTTP/2. */
export const ask2 = (origin: string, path: string, headers: OutgoingHttpHeaders = {}): Promise<Answer2> =>
  new Promise((resolve, reject) => {
    const session = connect(origin, { rejectUnauthorized: false })
    const stream = session.request({ ':path': path, ...headers }, { endStream: true })
    let head: IncomingHttpHeaders | undefined
    let text = ''
    stream.setEncoding('utf8').on('response', (received) => {
      head = received
    })
    stream.on('data', (chunk) => {
      text += chunk
    })
    stream.on('error', () => stream.close(constants.NGHTTP2_CANCEL))
    session.on('error', reject)
    stream.on('close', () => {
      session.destroy()
      resolve({
        status: head === undefined ? undefined : Number(head[':status']),
        cache: String(head?.['cache-status'] ?? ''),
        text,
      })
    })
  })
