import { isUtf8 } from 'node:buffer'
import { Agent, type ClientRequest, type IncomingMessage, request as open } from 'node:http'

/** One request as it is put on the wire. */
export interface Sent {
  /** Names the exchange. */
  readonly id: string
  readonly method: string
  /** The request target. */
  readonly target: string
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string
  /** The client goes away: at once, when the head is there, or after the first piece of the body. */
  readonly leaves?: 'at once' | 'at head' | 'in body'
}

/** What came back. */
export interface Answer {
  readonly status: number
  readonly reason: string
  /** Names in lower case, in the order received. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly trailers: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer
  /** Statuses of the interim responses. */
  readonly interim: readonly number[]
}

/** No complete answer came. */
export interface Broken {
  readonly error: string
}

export const isBroken = (outcome: Answer | Broken): outcome is Broken => 'error' in outcome

/**
 * Beyond ASCII, Node writes a head as Latin-1 where it leaves by itself or with a Buffer, and as UTF-8 with a string: the
 * same characters in either.
 */
const charactersOf = (value: string): string => {
  const bytes = Buffer.from(value, 'latin1')
  return isUtf8(bytes) ? bytes.toString() : value
}

const pairsOf = (raw: readonly string[]): (readonly [string, string])[] =>
  Array.from(
    { length: raw.length / 2 },
    (_, i) => [(raw[2 * i] ?? '').toLowerCase(), charactersOf(raw[2 * i + 1] ?? '')] as const,
  )

/** The lines of a field. */
export const linesOf = ({ headers }: Pick<Answer, 'headers'>, name: string): readonly string[] =>
  headers.filter(([each]) => each === name).map(([, value]) => value)

/** All lines of a field in one value; undefined where there are none. */
export const fieldOf = (answer: Pick<Answer, 'headers'>, name: string): string | undefined => {
  const lines = linesOf(answer, name)
  return lines.length === 0 ? undefined : lines.join(', ')
}

const answerTimeoutMs = 15_000

/** A refusal by Node's parser, which no application has seen: the connection had been left in the midst of a request. */
const isUnread = (outcome: Answer | Broken): boolean =>
  !isBroken(outcome) && outcome.status === 400 && outcome.headers.every(([name]) => name === 'connection')

/** Sends requests to one server over connections that are kept. */
export class Client {
  readonly #port: number
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64, scheduling: 'fifo' })

  constructor(port: number) {
    this.#port = port
  }

  async send(sent: Sent): Promise<Answer | Broken> {
    const outcome = await this.#send(sent, this.#agent)
    return isUnread(outcome) ? this.#send(sent, false) : outcome
  }

  async #send(sent: Sent, agent: Agent | false): Promise<Answer | Broken> {
    const interim: number[] = []
    const chunks: Buffer[] = []
    try {
      const response = await this.#head(sent, interim, agent)
      if (sent.leaves === 'at head') response.destroy()
      for await (const chunk of response) {
        chunks.push(Buffer.from(chunk))
        if (sent.leaves === 'in body') response.destroy()
      }
      if (!response.complete) return { error: 'cut off' }
      return {
        status: response.statusCode ?? 0,
        reason: response.statusMessage ?? '',
        headers: pairsOf(response.rawHeaders),
        trailers: pairsOf(response.rawTrailers),
        body: Buffer.concat(chunks),
        interim,
      }
    } catch (error) {
      return {
        error:
          error instanceof Error
            ? `${error.message} ${(error as NodeJS.ErrnoException).code ?? ''}`
            : String(error),
      }
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  #head(sent: Sent, interim: number[], agent: Agent | false): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const request: ClientRequest = open({
        host: '127.0.0.1',
        port: this.#port,
        agent,
        method: sent.method,
        path: sent.target,
        headers: sent.headers as NodeJS.Dict<string | string[]>,
      })
      request.setTimeout(answerTimeoutMs, () => request.destroy(new Error('no answer in time')))
      request.on('information', ({ statusCode }) => interim.push(statusCode))
      request.on('response', resolve)
      request.on('error', reject)
      request.end(sent.body)
      if (sent.leaves === 'at once') setImmediate(() => request.destroy(new Error('the client left')))
    })
  }
}
