import { join } from 'node:path'
import { CacheBackendError } from '../errors.ts'
import { type FileFacts, type FileSystem, folderMode } from './file-system.ts'

/** Bits by which the group, or everybody, may write. */
const writableByOthers = 0o022

const ownUser = (): number | undefined => process.geteuid?.()

/** Why a directory is not one to keep answers in: whoever writes into it decides what the cache answers. */
const objection = (link: FileFacts, facts: FileFacts): string | undefined => {
  const user = ownUser()
  if (!facts.isDirectory()) return 'it is not a directory'
  if (user === undefined) return undefined
  if (facts.uid !== user) return `it belongs to user ${facts.uid}, and this process runs as user ${user}`
  if ((facts.mode & writableByOthers) !== 0)
    return 'others than its owner may write into it; take that right away, for example with chmod 700'
  if (link.isSymbolicLink() && link.uid !== user && link.uid !== 0)
    return `it is a link of user ${link.uid}, who may lead it elsewhere`
  return undefined
}

/** The directory of one cache, made when it is first needed, and again when somebody has removed it. */
export class CacheDirectory {
  readonly path: string
  /** Where files are written before they take their places. On the same file system, so that a rename is atomic, and one
   * folder, so that what a killed process left there is found without a walk. */
  readonly drafts: string
  readonly tags: string
  readonly #fs: FileSystem
  #ready: Promise<void> | undefined

  constructor(path: string, fs: FileSystem) {
    this.path = path
    this.drafts = join(path, 'tmp')
    this.tags = join(path, 'tags')
    this.#fs = fs
  }

  /** Made and found safe; asked anew after it failed, or was forgotten. */
  ready(): Promise<void> {
    if (this.#ready !== undefined) return this.#ready
    const ready = this.#prepare()
    this.#ready = ready
    ready.catch(() => {
      if (this.#ready === ready) this.#ready = undefined
    })
    return ready
  }

  /** What was found of it may hold no longer. */
  forget(): void {
    this.#ready = undefined
  }

  async #prepare(): Promise<void> {
    await this.make(this.path)
    const [link, facts] = await Promise.all([this.#fs.lstat(this.path), this.#fs.stat(this.path)])
    const why = objection(link, facts)
    if (why !== undefined) {
      const cause = new Error(`the directory ${this.path} is not safe: ${why}`)
      throw new CacheBackendError('CONNECTION_ERROR', { backend: 'file', operation: 'connect', cause })
    }
    await Promise.all([this.make(this.drafts), this.make(this.tags)])
  }

  async make(folder: string): Promise<void> {
    await this.#fs.mkdir(folder, { recursive: true, mode: folderMode })
  }
}
