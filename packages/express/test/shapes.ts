import type { Request, RequestHandler } from 'express'

/** One way of making a response. */
export interface Shape {
  readonly title: string
  readonly handler: RequestHandler
  /** Whether a second request finds it stored. Default true. */
  readonly stored?: boolean
  readonly headers?: Record<string, string>
  /** Whether the handler can answer HEAD. Default true. */
  readonly head?: boolean
}

export const thisFile: string = new URL(import.meta.url).pathname

export const allBytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i))

/** What Express itself offers. */
export const expressShapes: readonly Shape[] = [
  { title: 'send a string', handler: (_, res) => void res.send('héllo') },
  { title: 'send an empty string', handler: (_, res) => void res.send('') },
  { title: 'send nothing', handler: (_, res) => void res.send() },
  { title: 'send a buffer of every byte', handler: (_, res) => void res.send(allBytes) },
  { title: 'send an object', handler: (_, res) => void res.send({ a: [1, null, 'ü'] }) },
  { title: 'send null', handler: (_, res) => void res.send(null) },
  { title: 'send false', handler: (_, res) => void res.send(false) },
  { title: 'json', handler: (_, res) => void res.json({ list: [1, 2, 3] }) },
  { title: 'json null', handler: (_, res) => void res.json(null) },
  { title: 'jsonp', handler: (_, res) => void res.jsonp({ a: 1 }) },
  { title: 'status 204 without content', handler: (_, res) => void res.status(204).end() },
  { title: 'sendStatus 200', handler: (_, res) => void res.sendStatus(200) },
  { title: 'sendStatus 404', handler: (_, res) => void res.sendStatus(404) },
  { title: 'status 410 declared fresh', handler: (_, res) => void res.status(410).send('gone') },
  { title: 'redirect', handler: (_, res) => res.redirect('/elsewhere?q=ü') },
  { title: 'permanent redirect', handler: (_, res) => res.redirect(301, 'https://example.org/a b') },
  { title: 'location', handler: (_, res) => void res.location('/there').status(303).end() },
  { title: 'render', handler: (_, res) => res.render('page', { title: 'T' }) },
  { title: 'type', handler: (_, res) => void res.type('svg').send('<svg/>') },
  { title: 'attachment', handler: (_, res) => void res.attachment('a.csv').send('a;b') },
  { title: 'links', handler: (_, res) => void res.links({ next: '/2', last: '/9' }).send('1') },
  {
    title: 'append twice',
    handler: (_, res) => void res.append('Warning', 'a').append('Warning', 'b').send(''),
  },
  { title: 'vary', handler: (_, res) => void res.vary('Accept-Language').vary('X-Kind').send('v') },
  { title: 'cookie', handler: (_, res) => void res.cookie('a', '1').send('c'), stored: false },
  { title: 'clearCookie', handler: (_, res) => void res.clearCookie('a').send('c'), stored: false },
  { title: 'own etag', handler: (_, res) => void res.set('ETag', '"v1"').send('tagged') },
  { title: 'custom header case', handler: (_, res) => void res.set('X-CaSe', 'Kept').send('x') },
  {
    title: 'removed powered-by',
    handler: (_, res) => {
      res.removeHeader('X-Powered-By')
      res.send('x')
    },
  },
  { title: 'locals', handler: (_, res) => void res.send(String(Object.assign(res.locals, { a: 1 }).a)) },
  {
    title: 'format html',
    headers: { accept: 'text/html' },
    handler: (_, res) => void res.format({ html: () => res.send('<p>'), json: () => res.json({}) }),
  },
  {
    title: 'format json',
    headers: { accept: 'application/json' },
    handler: (_, res) => void res.format({ html: () => res.send('<p>'), json: () => res.json({}) }),
  },
  { title: 'sendFile', handler: (_, res) => res.sendFile(thisFile) },
  { title: 'download', handler: (_, res) => res.download(thisFile, 'shäpes.ts') },
  {
    title: 'sendFile with max age',
    handler: (_, res) => res.sendFile(thisFile, { maxAge: 5000, etag: false }),
  },
  { title: 'big body', handler: (_, res) => void res.send(Buffer.alloc(1_000_000, 'abc')) },
]

/** A template engine: the name of the view and one local. */
export const engine = (
  path: string,
  options: object,
  done: (error: unknown, rendered?: string) => void,
): void => done(null, `<h1>${path.split('/').pop()} ${String((options as { title?: string }).title)}</h1>`)

export const freshFor60s: RequestHandler = (_request: Request, response, next) => {
  response.setHeader('Cache-Control', 'max-age=60')
  next()
}
