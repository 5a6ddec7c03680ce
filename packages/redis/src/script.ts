import { createHash } from 'node:crypto'
import type { CommandArgument } from './client.ts'
import type { Connection } from './connection.ts'

/** A script of Redis: runs as one step. */
export interface Script {
  readonly source: string
  readonly sha: string
}

export const script = (source: string): Script => ({
  source,
  sha: createHash('sha1').update(source).digest('hex'),
})

/** Runs a script by its digest, and sends it whole where the server does not know it (yet, or any more). */
export const run = async (
  connection: Connection,
  { source, sha }: Script,
  keys: readonly string[],
  args: readonly CommandArgument[],
): Promise<unknown> => {
  try {
    return await connection.send('EVALSHA', sha, keys.length, ...keys, ...args)
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
    return connection.send('EVAL', source, keys.length, ...keys, ...args)
  }
}
