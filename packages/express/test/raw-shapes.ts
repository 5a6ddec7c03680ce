import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { allBytes, type Shape, thisFile } from './shapes.ts'

const later = (act: () => unknown): void => void setImmediate(act)

/** What `node:http` offers underneath. */
export const rawShapes: readonly Shape[] = [
  { title: 'end without content', handler: (_, res) => void res.end() },
  { title: 'end with a string', handler: (_, res) => void res.end('text') },
  { title: 'end with an encoding', handler: (_, res) => void res.end('AAEC', 'base64') },
  { title: 'end with a typed array', handler: (_, res) => void res.end(new Uint8Array([1, 2, 255])) },
  { title: 'end with a callback', handler: (_, res) => void res.end(() => undefined) },
  { title: 'end with all arguments', handler: (_, res) => void res.end('ÿ', 'latin1', () => undefined) },
  {
    title: 'two writes',
    handler: (_, res) => {
      res.write('a')
      res.write('b')
      res.end()
    },
  },
  {
    title: 'an empty write',
    handler: (_, res) => {
      res.write('')
      res.end('b')
    },
  },
  {
    title: 'write in hex',
    handler: (_, res) => {
      res.write('c3bc', 'hex')
      res.end('c3a4', 'hex')
    },
  },
  {
    title: 'write, pause, end',
    handler: (_, res) => {
      res.write('a')
      later(() => res.end('b'))
    },
  },
  { title: 'a later end', handler: (_, res) => later(() => res.end('later')) },
  {
    title: 'flushHeaders',
    handler: (_, res) => {
      res.flushHeaders()
      later(() => res.end('x'))
    },
  },
  {
    title: 'a body of known length in pieces',
    handler: (_, res) => {
      res.setHeader('Content-Length', 4)
      res.write('ab')
      res.end('cd')
    },
  },
  { title: 'writeHead', handler: (_, res) => void res.writeHead(200).end('x') },
  { title: 'writeHead 203', handler: (_, res) => void res.writeHead(203, { 'X-A': '1' }).end('x') },
  {
    title: 'writeHead with a reason',
    handler: (_, res) => void res.writeHead(200, 'Fine', { 'X-A': '1' }).end('x'),
  },
  { title: 'writeHead with a reason alone', handler: (_, res) => void res.writeHead(200, 'Fine').end('x') },
  { title: 'writeHead with numbers', handler: (_, res) => void res.writeHead(200, { 'X-N': 7 }).end('x') },
  {
    title: 'writeHead with lists',
    handler: (_, res) => void res.writeHead(200, { 'X-L': ['a', 'b'] }).end('x'),
  },
  {
    title: 'writeHead with a raw list',
    handler: (_, res) => void res.writeHead(200, ['X-R', 'a', 'Content-Type', 'text/x']).end('x'),
  },
  {
    title: 'writeHead over earlier fields',
    handler: (_, res) => {
      res.setHeader('X-A', 'earlier')
      res.setHeader('X-B', 'stays')
      res.writeHead(200, { 'x-a': 'later' }).end('x')
    },
  },
  {
    title: 'statusMessage',
    handler: (_, res) => void Object.assign(res, { statusMessage: 'Sure' }).end('x'),
  },
  {
    title: 'setHeaders',
    handler: (_, res) => {
      res.setHeaders(new Headers({ 'x-h': '1' }))
      res.end()
    },
  },
  {
    title: 'appendHeader',
    handler: (_, res) => {
      res.appendHeader('X-A', ['1', '2'])
      res.end()
    },
  },
  { title: 'no Date', handler: (_, res) => void Object.assign(res, { sendDate: false }).end('x') },
  {
    title: 'trailers',
    // Node itself fails at HEAD then.
    head: false,
    handler: (_, res) => {
      res.setHeader('Trailer', 'X-Sum')
      res.write('body')
      res.addTrailers({ 'X-Sum': '4' })
      res.end()
    },
  },
  { title: 'a file stream', handler: (_, res) => void createReadStream(thisFile).pipe(res) },
  { title: 'a pipeline', handler: (_, res) => pipeline(Readable.from(['a', 'b', 'c']), res) },
  {
    title: 'an object of bytes with a Connection field',
    handler: (_, res) => {
      res.setHeader('Connection', 'close')
      res.end(allBytes)
    },
  },
  {
    title: 'cork',
    handler: (_, res) => {
      res.cork()
      res.write('a')
      res.write('b')
      res.uncork()
      res.end('c')
    },
  },
  {
    title: 'content of 204 is dropped',
    handler: (_, res) => void Object.assign(res, { statusCode: 204 }).end('x'),
  },
  { title: '304 by the handler', handler: (_, res) => void res.status(304).end(), stored: false },
  {
    title: 'early hints',
    handler: (_, res) => {
      res.writeEarlyHints({ link: '</a.css>; rel=preload' })
      res.end('hinted')
    },
  },
  {
    title: 'a part',
    handler: (_, res) => void res.status(206).set('Content-Range', 'bytes 0-0/3').end('a'),
    stored: false,
  },
]
