import { written } from './texts.ts'

/** How the names of one namespace lie in Redis. */
export interface Names {
  /** Before the key of every entry. */
  readonly prefix: string
  /** The invalidation state, a key of its own. */
  readonly state: string
  entry(key: string): string
  channel(name: string): string
}

/**
 * A namespace has no braces, so that no prefix is the beginning of another's. The empty braces come first in a key:
 * a Cluster then takes the slot from the whole of it, whatever braces a client gets into the rest.
 */
export const createNames = (given: string): Names => {
  const namespace = written(given)
  const prefix = `${namespace}{}:`
  return {
    prefix,
    state: `{${namespace}}:tags`,
    entry: (key) => prefix + written(key),
    channel: (name) => `${namespace}{}!${written(name)}`,
  }
}
