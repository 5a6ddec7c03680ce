import { dataOf } from './call.ts'
import { type Answer, type Broken, type Client, fieldOf, isBroken, type Sent } from './client.ts'
import { differences, type Leeway } from './compare.ts'
import { derivedFrom, isConditional, type Made, unconditional } from './derived.ts'
import {
  acceptedStaleness,
  forbidsStoring,
  isForOne,
  mayReuseMethod,
  permits,
  windowsOf,
} from './expectation.ts'
import { MadeTags } from './made-tags.ts'
import type { Origin, Run } from './origin.ts'
import { repeatField, type Setup, type Shape } from './shape.ts'
import { readStamp, type Stamp } from './stamp.ts'

/** What is wrong with an answer. */
export type Kind =
  | 'wrong-user'
  | 'wrong-url'
  | 'wrong-variant'
  | 'wrong-exchange'
  | 'stale'
  | 'not-reusable'
  | 'credentials'
  | 'not-complete'
  | 'different'

export interface Violation {
  readonly kind: Kind
  readonly detail: string
  readonly exchange: Exchange
}

/** One request, when it was sent, and what came of it. */
export interface Exchange {
  readonly sent: Sent
  readonly outcome: Answer | Broken
  /** Milliseconds by the clock of the caches. */
  readonly at: number
  /** Of the origin: which changes had been acknowledged. */
  readonly moment: number
}

type Found = Omit<Violation, 'exchange'>

const numberIn = (answer: Answer, name: string): number => Number(fieldOf(answer, name) ?? Number.NaN)

const detailOf = (answer: Answer): string | undefined =>
  /;\s*detail=([a-z-]+)/.exec(fieldOf(answer, 'cache-status') ?? '')?.[1]

/** In which part of what it says of itself an answer is another than the control's. */
const kindOf = (
  actual: Stamp | undefined,
  expected: Stamp | undefined,
  differing: readonly string[],
): Kind => {
  if (actual !== undefined && expected !== undefined) {
    if (actual.user !== expected.user) return 'wrong-user'
    for (const part of ['shape', 'site', 'url', 'method'] as const)
      if (actual[part] !== expected[part]) return 'wrong-url'
    if (JSON.stringify(actual.variant) !== JSON.stringify(expected.variant)) return 'wrong-variant'
    if (actual.version !== expected.version) return 'stale'
  }
  return differing.some((each) => /^x-(?:request-id|exchange-of):/.test(each))
    ? 'wrong-exchange'
    : 'different'
}

/** What stands in for Last-Modified: a Date that the handler itself has set, else when it ran (RFC 9111 §4.3.2). */
const madeAt = (full: Answer, run: Run, { shape }: { readonly shape: Shape }): Made => {
  const dated = shape.dated === true ? Date.parse(fieldOf(full, 'date') ?? '') : Number.NaN
  return { at: Number.isNaN(dated) ? run.time : dated }
}

/**
 * Decides about answers: by the run that they name, what may be given again to whom and for how long; and by what the
 * same application without a cache makes of the same request when it repeats that run.
 */
export class Oracle {
  readonly #origin: Origin
  readonly #control: Client
  readonly #shapes: ReadonlyMap<string, Shape>
  readonly #setup: Setup
  readonly #madeTags = new MadeTags()

  constructor(origin: Origin, control: Client, shapes: readonly Shape[], setup: Setup) {
    this.#origin = origin
    this.#control = control
    this.#shapes = new Map(shapes.map((shape) => [shape.name, shape]))
    this.#setup = setup
  }

  /** Whether an answer came from the run of another exchange. */
  isReused({ sent, outcome }: Exchange): boolean {
    const run = isBroken(outcome) ? undefined : this.#origin.run(numberIn(outcome, 'x-run'))
    return run !== undefined && run.exchange !== sent.id
  }

  async judge(exchange: Exchange): Promise<readonly Violation[]> {
    // Who has gone is owed nothing.
    if (exchange.sent.leaves !== undefined) return []
    const found = await this.#judge(exchange)
    return found.map((each) => ({ ...each, exchange }))
  }

  /** A run for nobody in particular must not have been made with anybody's credentials. */
  judgeRun(run: Run): string | undefined {
    if (run.exchange !== undefined) return undefined
    const { cookie, ...others } = run.request.headers
    const shape = this.#shapes.get(run.shape)
    const keyed = shape?.variesBy?.includes('cookie') === true && !/sid=/.test(cookie ?? '')
    const anonymous = permits({ name: '', handle: () => undefined }, keyed ? others : run.request.headers)
    return anonymous ? undefined : `run ${run.number} of ${run.shape} was made with credentials of a user`
  }

  async #judge({ sent, outcome, at, moment }: Exchange): Promise<readonly Found[]> {
    const own = this.#origin.runsOf(sent.id)
    if (own.length > 1) return [{ kind: 'different', detail: `the handler ran ${own.length} times` }]
    if (isBroken(outcome)) return this.#judgeBroken(sent, outcome, own[0])
    const run = this.#origin.run(numberIn(outcome, 'x-run'))
    if (run === undefined) return this.#judgeUnattributed(sent, outcome)
    const shape = this.#shapes.get(run.shape)
    if (shape === undefined) return [{ kind: 'different', detail: `no shape is called ${run.shape}` }]
    const reused = run.exchange !== sent.id
    const confirmed = !reused && /fwd-status=304/.test(fieldOf(outcome, 'cache-status') ?? '')
    const { found, expected } = await this.#compare(sent, outcome, run, { shape, reused, confirmed })
    if (!reused) return found
    const site = readStamp(fieldOf(expected, 'x-stamp'))?.site
    const stale = this.#judgeAge(shape, run, { sent, outcome, at, moment }, site)
    return [...found, ...this.#judgeSharing(shape, run, sent), ...stale]
  }

  async #repeat(sent: Sent, run: Run | undefined): Promise<Answer | Broken> {
    return this.#control.send({
      ...sent,
      headers: { ...sent.headers, [repeatField]: String(run?.number ?? 'none') },
    })
  }

  /** Nothing complete came: so it must be without a cache. */
  async #judgeBroken(sent: Sent, { error }: Broken, own: Run | undefined): Promise<readonly Found[]> {
    const control = await this.#repeat(sent, own)
    return own !== undefined && isBroken(control) ? [] : [{ kind: 'not-complete', detail: error }]
  }

  /** An answer that names no run is not from a handler. */
  async #judgeUnattributed(sent: Sent, answer: Answer): Promise<readonly Found[]> {
    const asked = [sent.headers['cache-control'] ?? []].flat().join()
    if (answer.status === 504 && /only-if-cached/i.test(asked)) return []
    if (answer.status === 416 && sent.headers.range !== undefined)
      return /^bytes \*\/\d+$/.test(fieldOf(answer, 'content-range') ?? '')
        ? []
        : [{ kind: 'different', detail: 'a 416 that does not tell the length' }]
    const control = await this.#repeat(sent, undefined)
    if (isBroken(control)) return [{ kind: 'different', detail: `the control broke: ${control.error}` }]
    const differing = differences(answer, control, { shape: undefined, reused: false, confirmed: false })
    return differing.map((detail) => ({ kind: 'different', detail }))
  }

  /** As the control answers; or as may be answered out of what it answers to the unconditional request. */
  async #compare(
    sent: Sent,
    actual: Answer,
    run: Run,
    leeway: Leeway & { readonly shape: Shape },
  ): Promise<{ readonly found: readonly Found[]; readonly expected: Answer }> {
    const control = await this.#repeat(sent, run)
    // What breaks off later may have answered a condition at its head.
    if (isBroken(control) && !leeway.reused && actual.status === 304) return { found: [], expected: actual }
    if (isBroken(control))
      return { found: [{ kind: 'not-complete', detail: 'the control broke off' }], expected: actual }
    const differing = [...differences(actual, control, leeway), ...differingAge(actual, control, leeway)]
    if (differing.length === 0) return { found: this.#judgeTag(sent, actual, control), expected: control }
    const full = isConditional(sent) ? await this.#repeat(unconditional(sent), run) : control
    const derived = isBroken(full)
      ? []
      : derivedFrom(full, sent, fieldOf(actual, 'etag'), madeAt(full, run, leeway))
    if (derived.some((each) => differences(actual, each, { ...leeway, derived: true }).length === 0))
      return { found: this.#judgeTag(unconditional(sent), actual, full), expected: control }
    const kind = kindOf(
      readStamp(fieldOf(actual, 'x-stamp')),
      readStamp(fieldOf(control, 'x-stamp')),
      differing,
    )
    return { found: [{ kind, detail: differing.join('\n    ') }], expected: control }
  }

  /** `sent` is what `full` answers: only an answer to an unconditional request has all of the content. */
  #judgeTag(sent: Sent, actual: Answer, full: Answer | Broken): readonly Found[] {
    if (isBroken(full) || full.status !== 200 || isConditional(sent)) return []
    const detail = this.#madeTags.judge(actual, full)
    return detail === undefined ? [] : [{ kind: 'different', detail }]
  }

  #judgeSharing(shape: Shape, run: Run, sent: Sent): readonly Found[] {
    const found: Found[] = []
    const { method, headers } = run.request
    if (isForOne(shape, run) || shape.breaks?.(run) === true)
      found.push({ kind: 'not-reusable', detail: `run ${run.number} was for one exchange` })
    if (!mayReuseMethod(shape, sent.method) || !mayReuseMethod(shape, method))
      found.push({ kind: 'not-reusable', detail: `${sent.method} was answered by a run of ${method}` })
    if (forbidsStoring(sent.headers) || forbidsStoring(headers))
      found.push({ kind: 'not-reusable', detail: 'a request forbade storing' })
    if (!permits(shape, sent.headers) || !permits(shape, headers))
      found.push({ kind: 'credentials', detail: `run ${run.number} was shared in spite of credentials` })
    return found
  }

  #judgeAge(
    shape: Shape,
    run: Run,
    { sent, outcome, at, moment }: Exchange,
    site: string | undefined,
  ): readonly Found[] {
    if (isBroken(outcome)) return []
    const found: Found[] = []
    const keys = site === undefined ? [] : dataOf(shape, { url: sent.target, site })
    const floor = this.#origin.floor(keys, moment)
    if (run.version < floor)
      found.push({ kind: 'stale', detail: `version ${run.version}, at least ${floor} due` })
    const softly = run.version < this.#origin.floor(keys, moment, 'stale')
    const age = (at - run.time) / 1000 + (shape.age ?? 0)
    const why = this.#excuse(shape, sent, detailOf(outcome), age, softly)
    if (why !== undefined) found.push({ kind: 'stale', detail: `${age} s old: ${why}` })
    // A refresh that nobody waits for may have taken some time of this clock.
    const told = Number(fieldOf(outcome, 'age'))
    const exact = told === Math.floor(age) || (shape.dated === true && told === Math.ceil(age))
    if (run.exchange !== undefined && !exact)
      found.push({ kind: 'different', detail: `age ${told} instead of ${age}` })
    return found
  }

  /** Why an answer of this age must not be given; undefined where it may. */
  #excuse(
    shape: Shape,
    sent: Sent,
    detail: string | undefined,
    age: number,
    softly: boolean,
  ): string | undefined {
    const windows = windowsOf(shape, this.#setup)
    if (age < windows.fresh && !softly) return undefined
    const over = Math.max(0, age - windows.fresh)
    const accepted = Math.min(acceptedStaleness(sent), windows.ifError)
    if (detail === 'swr' && over <= windows.whileRevalidate) return undefined
    if (detail === 'max-stale' && over <= accepted) return undefined
    const failing = shape.fails !== undefined || shape.breaks !== undefined
    if (detail === 'sie' && failing && over <= windows.ifError) return undefined
    return `${softly ? 'invalidated' : `fresh for ${windows.fresh} s`}, given as ${detail ?? 'fresh'}`
  }
}

/** The age that the origin names reaches the client; what was only confirmed has one of its own. */
const differingAge = (actual: Answer, expected: Answer, { reused, confirmed }: Leeway): readonly string[] => {
  const [sent, said] = [fieldOf(actual, 'age'), fieldOf(expected, 'age')]
  return reused || confirmed || sent === said ? [] : [`age: ${sent} instead of ${said}`]
}
