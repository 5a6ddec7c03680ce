import type { IncomingHttpHeaders } from 'node:http'
import { looseUrl } from './url.ts'

/** One run of a handler: what it was asked, and what it saw of the data. */
export interface Run {
  /** Counts from 1. */
  readonly number: number
  readonly shape: string
  /** The exchange that it answers; undefined: no client waits for it. */
  readonly exchange: string | undefined
  readonly request: RunRequest
  /** Of the data when the run began; after its change, if it makes one. */
  version: number
  /** What the run has changed. */
  changed: Change | undefined
  /** Milliseconds: when the run began. */
  readonly time: number
}

export interface Change {
  readonly keys: readonly DataKey[]
  readonly version: number
}

export interface RunRequest {
  readonly method: string
  readonly url: string
  readonly site: string
  readonly headers: IncomingHttpHeaders
}

/** What one change of data covers: a URL of one site or of any, a tag, or everything. */
export type DataKey = `url:${string}` | `tag:${string}` | 'all'

const normalSite = (site: string): string =>
  site
    .toLowerCase()
    .replace(/^(http:.*):80$/, '$1')
    .replace(/^(https:.*):443$/, '$1')

export const keyOfUrl = (site: string | undefined, url: string): DataKey =>
  `url:${site === undefined ? '' : normalSite(site)}${looseUrl(url)}`

/** An acknowledged change: nothing older may answer a request that comes after it. */
interface Floor {
  readonly moment: number
  readonly version: number
}

/** The highest version that an acknowledged change had demanded by a moment. */
const floorAt = (floors: readonly Floor[] | undefined, moment: number): number =>
  floors?.findLast((floor) => floor.moment <= moment)?.version ?? 1

/**
 * The data behind the handlers and the record of their runs. Every answer names its run, so that it can be told from
 * which request and at which version of the data it was made.
 */
export class Origin {
  readonly #clock: () => number
  readonly #runs: Run[] = []
  readonly #ofExchange = new Map<string, Run[]>()
  readonly #versions = new Map<DataKey, number>()
  readonly #floors = { remove: new Map<DataKey, Floor[]>(), stale: new Map<DataKey, Floor[]>() }
  #latest = 1
  #moment = 0

  constructor(clock: () => number) {
    this.#clock = clock
  }

  begin(shape: string, exchange: string | undefined, request: RunRequest, keys: readonly DataKey[]): Run {
    const version = Math.max(1, ...keys.map((key) => this.#versions.get(key) ?? 1))
    const number = this.#runs.length + 1
    const run: Run = { number, shape, exchange, request, version, changed: undefined, time: this.#clock() }
    this.#runs.push(run)
    if (exchange !== undefined) this.#ofExchange.set(exchange, [...this.runsOf(exchange), run])
    return run
  }

  run(number: number): Run | undefined {
    return this.#runs[number - 1]
  }

  /** The runs that one exchange has led to, none or one. */
  runsOf(exchange: string): readonly Run[] {
    return this.#ofExchange.get(exchange) ?? []
  }

  /** The runs from that number on. */
  runsFrom(number: number): readonly Run[] {
    return this.#runs.slice(number - 1)
  }

  get count(): number {
    return this.#runs.length
  }

  change(keys: readonly DataKey[]): Change {
    this.#latest += 1
    for (const key of keys) this.#versions.set(key, this.#latest)
    return { keys, version: this.#latest }
  }

  /** Counts acknowledged changes: what is sent now comes after all of them. */
  get moment(): number {
    return this.#moment
  }

  /** The change was acknowledged to whoever asked for it. `stale`: old answers may still be given as stale ones. */
  settle({ keys, version }: Change, mode: 'stale' | 'remove' = 'remove'): void {
    this.#moment += 1
    for (const key of keys) {
      const floors = this.#floors[mode].get(key) ?? []
      this.#floors[mode].set(key, floors)
      floors.push({ moment: this.#moment, version: Math.max(version, floors.at(-1)?.version ?? 1) })
    }
  }

  /** The oldest version of the data that a request sent at that moment may be answered with. */
  floor(keys: readonly DataKey[], moment: number, mode: 'stale' | 'remove' = 'remove'): number {
    return Math.max(1, ...keys.map((key) => floorAt(this.#floors[mode].get(key), moment)))
  }
}
