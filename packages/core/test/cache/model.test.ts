import { describe, expect, test } from 'vitest'

/**
 * The invalidation protocol in the small: two who change the data and invalidate, two fills and two readers, every step
 * of them interleaved in every order. A state is a list of small numbers, so that the states already seen are found by
 * a text of them.
 *
 * Changing: the data gets a new version, then the tag is invalidated; it is resolved when both is done.
 * Filling: the count is read, the handler reads the data, the entry is stored with the count as its stamp.
 * Reading: the count and the entry, in either order; then, unless it is remembered at that count, the tag's count.
 */
type State = readonly number[]

/** How an invalidation and a fill go about it. `atomic` and `early` are what the cache does. */
interface Form {
  readonly bump: 'atomic' | 'count, then tag'
  readonly stamp: 'early' | 'late'
}

const actors = [0, 1] as const
const [data, count, tag, stored] = [0, 1, 2, 3]
/** Step, version, count taken. */
const changer = (i: number): number => 4 + 3 * i
/** Step, stamp, version. */
const fill = (i: number): number => 10 + 3 * i
/** For each fill's entry: the count at which its validity was found out, plus 1, and whether it was valid. */
const memo = (i: number): number => 16 + 2 * i
/** Step, version owed, count plus 1, entry plus 2 (1 for none), count of the tag. */
const reader = (i: number): number => 20 + 5 * i
const initial: State = new Array<number>(30).fill(0).with(stored, 2)

const at = (state: State, index: number): number => state[index] ?? 0

const withValues = (
  state: State,
  ...changes: readonly (readonly [index: number, value: number])[]
): State => {
  const next = [...state]
  for (const [index, value] of changes) next[index] = value
  return next
}

const resolved = 9

const changeSteps = (state: State, i: number, form: Form): State[] => {
  const own = changer(i)
  const next = at(state, count) + 1
  switch (at(state, own)) {
    case 0:
      return [withValues(state, [data, at(state, data) + 1], [own, 1], [own + 1, at(state, data) + 1])]
    case 1:
      if (form.bump === 'atomic') return [withValues(state, [count, next], [tag, next], [own, resolved])]
      if (form.bump === 'count, then tag')
        return [withValues(state, [count, next], [own + 2, next], [own, 2])]
      return [withValues(state, [tag, next], [own, 2])]
    case 2:
      if (form.bump === 'count, then tag')
        return [withValues(state, [tag, at(state, own + 2)], [own, resolved])]
      return [withValues(state, [count, next], [own, resolved])]
    default:
      return []
  }
}

const fillSteps = (state: State, i: number, form: Form): State[] => {
  const own = fill(i)
  const readCount = [own + 1, at(state, count)] as const
  const readData = [own + 2, at(state, data)] as const
  const [first, second] = form.stamp === 'early' ? [readCount, readData] : [readData, readCount]
  switch (at(state, own)) {
    case 0:
      return [withValues(state, first, [own, 1])]
    case 1:
      return [withValues(state, second, [own, 2])]
    case 2:
      return [withValues(state, [stored, i], [memo(i), 0], [own, 3])]
    default:
      return []
  }
}

const owed = (state: State): number =>
  Math.max(...actors.map((i) => (at(state, changer(i)) === resolved ? at(state, changer(i) + 1) : 0)))

/** A reader that has ended remembers nothing: what it has read makes no states of their own. */
const ended = (state: State, own: number): State =>
  withValues(state, [own, 4], [own + 1, 0], [own + 2, 0], [own + 3, 0], [own + 4, 0])

/** The entry is answered with where it is valid; `wrong` where that is older than what was owed. */
const answer = (
  state: State,
  own: number,
  valid: boolean,
): { readonly state: State; readonly wrong: boolean } => {
  const entry = at(state, own + 3) - 2
  const wrong = valid && at(state, fill(entry) + 2) < at(state, own + 1)
  const found = [memo(entry), at(state, own + 2)] as const
  return { state: ended(withValues(state, found, [memo(entry) + 1, Number(valid)]), own), wrong }
}

const readSteps = (
  state: State,
  i: number,
): readonly { readonly state: State; readonly wrong: boolean }[] => {
  const own = reader(i)
  const plain = (...states: State[]) => states.map((next) => ({ state: next, wrong: false }))
  const entry = at(state, own + 3) - 2
  const head = at(state, own + 2)
  switch (at(state, own)) {
    case 0:
      return plain(withValues(state, [own, 1], [own + 1, owed(state)]))
    case 1: {
      const there = at(state, stored) === 2 ? 1 : at(state, stored) + 2
      const steps: State[] = []
      if (head === 0)
        steps.push(withValues(state, [own + 2, at(state, count) + 1], [own, entry === -2 ? 1 : 2]))
      if (entry === -2) steps.push(withValues(state, [own + 3, there], [own, head === 0 ? 1 : 2]))
      return plain(...steps)
    }
    case 2:
      if (entry < 0) return plain(ended(state, own))
      if (at(state, memo(entry)) === head) return [answer(state, own, at(state, memo(entry) + 1) === 1)]
      if (at(state, fill(entry) + 1) === head - 1) return [answer(state, own, true)]
      return plain(withValues(state, [own + 4, at(state, tag)], [own, 3]))
    case 3:
      return [answer(state, own, at(state, own + 4) <= at(state, fill(entry) + 1))]
    default:
      return []
  }
}

const successors = (
  state: State,
  form: Form,
): readonly { readonly state: State; readonly wrong: boolean }[] =>
  actors.flatMap((i) => [
    ...[...changeSteps(state, i, form), ...fillSteps(state, i, form)].map((next) => ({
      state: next,
      wrong: false,
    })),
    ...readSteps(state, i),
  ])

const textOf = (state: State, from: number, to: number): string =>
  String.fromCharCode(...state.slice(from, to))

/** One text for states that differ only in which changer, and which reader, is which. */
const keyOf = (state: State): string => {
  const changers = actors.map((i) => textOf(state, changer(i), changer(i + 1))).sort()
  const readers = actors.map((i) => textOf(state, reader(i), reader(i + 1))).sort()
  return textOf(state, 0, 4) + changers.join('') + textOf(state, 10, 20) + readers.join('')
}

interface Explored {
  readonly states: number
  /** Answers that were older than what was owed. */
  readonly wrong: number
  readonly answers: number
}

/** Every state that can be reached, or those up to the first wrong answer. */
const explore = (form: Form, until: 'the end' | 'the first wrong answer'): Explored => {
  const seen = new Set<string>()
  const open: State[] = [initial]
  let [wrong, answers] = [0, 0]
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    for (const next of successors(state, form)) {
      if (next.wrong) wrong++
      if (wrong > 0 && until === 'the first wrong answer') return { states: seen.size, wrong, answers }
      const key = keyOf(next.state)
      if (seen.has(key)) continue
      seen.add(key)
      if (actors.some((i) => at(next.state, reader(i)) === 4)) answers++
      open.push(next.state)
    }
  }
  return { states: seen.size, wrong, answers }
}

describe('in every interleaving of two changes, two fills and two readers', () => {
  test('an atomic count and a stamp from before the handler never let old data back', () => {
    const { states, wrong, answers } = explore({ bump: 'atomic', stamp: 'early' }, 'the end')
    expect(wrong).toBe(0)
    expect(states).toBeGreaterThan(100_000)
    expect(answers).toBeGreaterThan(10_000)
  })

  test.each<Form>([
    { bump: 'count, then tag', stamp: 'early' },
    { bump: 'atomic', stamp: 'late' },
  ])('any other form does, and it is found: $bump, $stamp', (form) => {
    expect(explore(form, 'the first wrong answer').wrong).toBeGreaterThan(0)
  })
})
