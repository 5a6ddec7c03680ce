import type { ResponseFields } from '@stowage/node'
import type { FastifyReply } from 'fastify'

/** The header fields of a reply, in the words of Node's responses. */
export class ReplyFields implements ResponseFields {
  readonly #reply: FastifyReply

  constructor(reply: FastifyReply) {
    this.#reply = reply
  }

  getHeaderNames(): string[] {
    return Object.keys(this.#reply.getHeaders())
  }

  getHeader(name: string): number | string | string[] | undefined {
    return this.#reply.getHeader(name)
  }

  setHeader(name: string, value: string | readonly string[]): void {
    // Fastify adds cookies to those that are there.
    if (name === 'set-cookie') this.removeHeader(name)
    this.#reply.header(name, value)
  }

  removeHeader(name: string): void {
    this.#reply.removeHeader(name)
    if (!this.#reply.raw.headersSent) this.#reply.raw.removeHeader(name)
  }
}
