import { createHash } from 'node:crypto'
import { type Answer, fieldOf } from './client.ts'

const digestOf = (body: Buffer): string => createHash('sha256').update(body).digest('base64')

/** The entity tags that a cache has made where handlers make none: each must stand for one content. */
export class MadeTags {
  readonly #contents = new Map<string, string>()

  /** What is wrong with the tag of an answer that stands for the content of `full`; undefined where nothing is. */
  judge(answer: Answer, full: Answer): string | undefined {
    const tag = fieldOf(answer, 'etag')
    if (tag === undefined || fieldOf(full, 'etag') !== undefined) return undefined
    const digest = digestOf(full.body)
    const known = this.#contents.get(tag)
    this.#contents.set(tag, known ?? digest)
    return known === undefined || known === digest ? undefined : `${tag} stands for two contents`
  }
}
