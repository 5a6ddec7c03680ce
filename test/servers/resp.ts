import { connect, type Socket } from 'node:net'

/** A reply as Redis gives it; errors are thrown. */
export type Reply = string | number | null | readonly Reply[]

interface Parsed {
  readonly reply: Reply | Error
  readonly end: number
}

/** The reply that begins at `at`, or undefined where it is not whole yet (RESP2). */
const parse = (text: string, at: number): Parsed | undefined => {
  const lineEnd = text.indexOf('\r\n', at)
  if (lineEnd === -1) return undefined
  const [kind, rest, end] = [text[at], text.slice(at + 1, lineEnd), lineEnd + 2]
  if (kind === '-') return { reply: new Error(rest), end }
  if (kind === ':') return { reply: Number(rest), end }
  if (kind === '+') return { reply: rest, end }
  const size = Number(rest)
  if (size < 0) return { reply: null, end }
  if (kind === '*') return parseArray(text, end, size)
  return text.length < end + size + 2
    ? undefined
    : { reply: text.slice(end, end + size), end: end + size + 2 }
}

const parseArray = (text: string, start: number, size: number): Parsed | undefined => {
  const items: Reply[] = []
  let at = start
  while (items.length < size) {
    const item = parse(text, at)
    if (item === undefined) return undefined
    items.push(item.reply instanceof Error ? item.reply.message : item.reply)
    at = item.end
  }
  return { reply: items, end: at }
}

const encode = (parts: readonly string[]): string =>
  `*${parts.length}\r\n${parts.map((part) => `$${Buffer.byteLength(part, 'latin1')}\r\n${part}\r\n`).join('')}`

/** Sends commands over one connection of their own and gives the last reply: for tests, so that no client under test is needed. */
export const ask = (port: number, commands: readonly (readonly string[])[], ms = 5000): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const socket: Socket = connect(port, '127.0.0.1')
    socket.setEncoding('latin1')
    let received = ''
    const finish = (outcome: Reply | Error): void => {
      socket.destroy()
      if (outcome instanceof Error) reject(outcome)
      else resolve(outcome)
    }
    socket.setTimeout(ms, () => finish(new Error(`no reply within ${ms} ms`)))
    socket.on('error', finish)
    socket.on('close', () => finish(new Error('the server closed the connection')))
    socket.on('data', (chunk: string) => {
      received += chunk
      const replies = commands.reduce<Parsed[]>((all) => {
        const next = parse(received, all.at(-1)?.end ?? 0)
        return next === undefined ? all : [...all, next]
      }, [])
      const failed = replies.find(({ reply }) => reply instanceof Error)
      if (failed !== undefined) finish(failed.reply)
      else if (replies.length === commands.length) finish(replies.at(-1)?.reply ?? null)
    })
    socket.write(commands.map(encode).join(''), 'latin1')
  })
