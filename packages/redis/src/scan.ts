import type { Connection } from './connection.ts'

/** Keys looked at in one step: short enough that nobody waits for it. */
const step = 500

/** A pattern of Redis that this text alone matches. */
export const literal = (text: string): string => text.replace(/[\\*?[\]^-]/g, '\\$&')

const isScanReply = (reply: unknown): reply is [string | number, string[]] =>
  Array.isArray(reply) && reply.length === 2 && Array.isArray(reply[1])

/** The keys that match, in pieces, without ever holding the server up; some may come twice. */
export async function* scan(connection: Connection, pattern: string): AsyncGenerator<readonly string[]> {
  for (const node of connection.masters()) {
    let cursor = '0'
    do {
      const reply = await node.send('SCAN', cursor, 'MATCH', pattern, 'COUNT', step)
      if (!isScanReply(reply)) throw new TypeError('SCAN was answered with something else')
      cursor = String(reply[0])
      if (reply[1].length > 0) yield reply[1]
    } while (cursor !== '0')
  }
}
