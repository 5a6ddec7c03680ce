import { describe, expect, test } from 'vitest'
import { SharedCalls } from '../../src/backends/shared-calls.ts'

const turns = async (count = 5): Promise<void> => {
  for (let n = 0; n < count; n++) await Promise.resolve()
}

/** Calls that are answered when the test says so. */
const site = () => {
  const shared = new SharedCalls()
  const calls: { answer(value: number): void; fail(error: Error): void }[] = []
  const ask = (question = 'head'): Promise<number> =>
    shared.ask(
      question,
      () => new Promise((resolve, reject) => calls.push({ answer: resolve, fail: reject })),
    )
  return { calls, ask }
}

describe('calls that are shared', () => {
  test('whoever comes while one is under way shares the next one, never that one', async () => {
    const { calls, ask } = site()
    const first = ask()
    const later = [ask(), ask(), ask()]
    await turns()
    expect(calls).toHaveLength(1)
    calls[0]?.answer(1)
    expect(await first).toBe(1)
    await turns()
    expect(calls).toHaveLength(2)
    // The second is under way by now: too old for this one.
    const last = ask()
    calls[1]?.answer(2)
    expect(await Promise.all(later)).toEqual([2, 2, 2])
    await turns()
    calls[2]?.answer(3)
    expect(await last).toBe(3)
  })

  test('a call that hangs holds nobody up', async () => {
    const { calls, ask } = site()
    void ask()
    const later = ask()
    await expect.poll(() => calls.length).toBe(2)
    calls[1]?.answer(2)
    expect(await later).toBe(2)
  })

  test('a failure is that of all who shared the call, and of nobody else', async () => {
    const { calls, ask } = site()
    const first = ask()
    const later = [ask(), ask()]
    calls[0]?.fail(new Error('first'))
    await expect(first).rejects.toThrow('first')
    await turns()
    calls[1]?.fail(new Error('second'))
    expect(await Promise.allSettled(later)).toMatchObject([
      { reason: { message: 'second' } },
      { reason: { message: 'second' } },
    ])
    const anew = ask()
    calls[2]?.answer(3)
    expect(await anew).toBe(3)
  })

  test('other questions are other calls', async () => {
    const { calls, ask } = site()
    const answers = [ask('a'), ask('b')]
    expect(calls).toHaveLength(2)
    for (const [n, call] of calls.entries()) call.answer(n)
    expect(await Promise.all(answers)).toEqual([0, 1])
  })

  test('at random, no answer is older than its question', async () => {
    const shared = new SharedCalls()
    let time = 0
    const run = async (): Promise<number> => {
      const seen = ++time
      await turns(seen % 7)
      return seen
    }
    const asked = async (n: number): Promise<void> => {
      await turns(n % 23)
      const before = ++time
      expect(await shared.ask('head', run)).toBeGreaterThan(before)
    }
    await Promise.all(Array.from({ length: 500 }, (_, n) => asked(n)))
  })
})
