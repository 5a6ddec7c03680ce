import type { Answered, Site } from './site.ts'

/** The versions that handlers know of their items. */
export type Versions = Map<string, number>

/** One change of an item. */
interface Change {
  readonly path: string
  readonly version: number
  /** When its invalidation had ended, by `performance.now()`, whether or not the store has taken it. */
  readonly at: number
  readonly taken: boolean
}

const items = 5
const everyMs = 50

/** What is changed while a fault lasts, and what is after it: later changes would hide that earlier ones were lost. */
const firstOf = { during: 0, after: items } as const

/** Changes a few items again and again, invalidates at one site what was changed, and asks another for it. */
export const startChanges = (when: keyof typeof firstOf, site: Site, other: Site, versions: Versions) => {
  const begun: Promise<Change>[] = []
  const asked: Promise<Answered>[] = []
  const change = async (id: string): Promise<Change> => {
    const version = (versions.get(id) ?? 0) + 1
    versions.set(id, version)
    const taken = await site.cache.invalidate({ tags: [`item:${id}`] }).then(
      () => true,
      () => false,
    )
    return { path: `/items/${id}`, version, at: performance.now(), taken }
  }
  const timer = setInterval(() => {
    const id = String(firstOf[when] + (begun.length % items))
    asked.push(other.ask(`/items/${id}`))
    begun.push(change(id))
  }, everyMs)
  return {
    /** All changes, and what the other site has answered meanwhile. */
    stop: async (): Promise<{ changes: readonly Change[]; others: readonly Answered[] }> => {
      clearInterval(timer)
      return { changes: await Promise.all(begun), others: await Promise.all(asked) }
    },
  }
}

/** Answers that are older than what was invalidated before they were asked for. */
export const oldAmong = (answers: readonly Answered[], changes: readonly Change[]): readonly Answered[] =>
  answers.filter(({ path, at, body }) => {
    const { version } = JSON.parse(body) as { version: number }
    return changes.some((change) => change.path === path && change.at <= at && change.version > version)
  })

/** What both sites answer with once all is over. */
export const askAll = async (sites: readonly Site[]): Promise<readonly Answered[]> => {
  const paths = Array.from({ length: 2 * items }, (_, id) => `/items/${id}`)
  return Promise.all(sites.flatMap((site) => paths.map((path) => site.ask(path))))
}
