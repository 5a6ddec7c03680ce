import type { RequestListener, ServerResponse } from 'node:http'
import { fakeClock, request } from '@stowage/core/testing'
import { cached } from '@stowage/node'
import { expect, test } from 'vitest'
import { createGate } from './gate.ts'
import { serve as listenTo } from './plain.ts'

/** How to ask a server, by requests with a cookie: of one without the head could still begin a session. */
const serve = async (listener: RequestListener): Promise<() => ReturnType<typeof request>> => {
  const port = await listenTo(listener)
  return () => request(`http://127.0.0.1:${port}/`, { headers: { cookie: 'a=1' } })
}

/** As a layer in front does that has something to save first. */
const delayEnd = (response: ServerResponse, wait: (end: () => void) => void): void => {
  const { end } = response
  response.end = ((...given: Parameters<typeof end>) => {
    wait(() => end.apply(response, given))
    return response
  }) as typeof end
}

test.each([
  ['softTimeout', { softTimeout: '5ms' } as const],
  ['hardTimeout', { hardTimeout: '5ms' } as const],
])(
  'over its %s: a stale response leaves whole, though a layer in front waits with its end',
  async (_, limit) => {
    const clock = fakeClock()
    let runs = 0
    const listener = cached(
      (_request, response) => {
        runs += 1
        response.setHeader('cache-control', 'public, max-age=60, stale-if-error=600')
        if (runs === 1) response.end('first')
      },
      { ...limit, clock },
    ) as RequestListener
    const ask = await serve((incoming, response) => {
      delayEnd(response, (end) => void setTimeout(end, 5))
      listener(incoming, response)
    })
    expect((await ask()).text).toBe('first')
    clock.advance(90_000)
    const stale = await ask()
    expect(stale).toMatchObject({ status: 200, text: 'first' })
    expect(stale.headers.age).toBe('90')
  },
)

test('a handler that answers while a layer in front waits with the end of the stale response cuts nobody off', async () => {
  const clock = fakeClock()
  const late = createGate()
  const done = createGate<unknown>()
  let runs = 0
  const answer = (response: ServerResponse): void => {
    response.setHeader('cache-control', 'public, max-age=60, stale-if-error=600')
    response.end(`run ${runs}`)
  }
  const listener = cached(
    async (_request, response) => {
      runs += 1
      if (runs !== 2) return answer(response)
      await late.passed
      try {
        done.open(answer(response))
      } catch (error) {
        done.open(error)
      }
    },
    { softTimeout: '5ms', clock },
  ) as RequestListener
  let asked = 0
  const ask = await serve((incoming, response) => {
    asked += 1
    if (asked === 2)
      delayEnd(response, (end) => {
        late.open()
        void done.passed.then(end)
      })
    listener(incoming, response)
  })
  expect((await ask()).text).toBe('run 1')
  clock.advance(90_000)
  const stale = await ask()
  expect(await done.passed).toBeUndefined()
  expect(stale).toMatchObject({ status: 200, text: 'run 1' })
  expect(stale.headers.age).toBe('90')
  expect((await ask()).text).toBe('run 3')
})
