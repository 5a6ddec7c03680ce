import type { CircuitState } from '@stowage/core'
import { describe, expect, test } from 'vitest'
import { Circuit } from '../../src/backends/circuit.ts'
import { type FakeTimers, fakeTimers } from './timers.ts'

/** What happens to a circuit: a call that succeeds or fails, word that the store may be back, or milliseconds. */
type Step = 'ok' | 'fail' | 'word' | number

interface Bench {
  readonly circuit: Circuit
  readonly timers: FakeTimers
  readonly changes: string[]
  /** Whether the store answers probes. */
  store: { up: boolean; probes: number }
}

const bench = (): Bench => {
  const timers = fakeTimers()
  const changes: string[] = []
  const store = { up: false, probes: 0 }
  const circuit = new Circuit({
    threshold: 3,
    timeoutMs: 1000,
    timers,
    probe: async () => {
      store.probes++
      if (!store.up) throw new Error('down')
    },
    changed: (state, previous) => changes.push(`${previous} → ${state}`),
  })
  return { circuit, timers, changes, store }
}

const carryOut = async ({ circuit, timers }: Bench, steps: readonly Step[]): Promise<void> => {
  for (const step of steps) {
    if (step === 'ok') circuit.succeeded(circuit.period)
    else if (step === 'word') {
      circuit.probe()
      await timers.pass(0)
    } else if (step === 'fail') circuit.failed(circuit.period, new Error('failed'))
    else await timers.pass(step)
  }
}

describe('a circuit of three failures and one second', () => {
  const rows: readonly [title: string, steps: readonly Step[], state: CircuitState, probes: number][] = [
    ['begins closed', [], 'closed', 0],
    ['stays closed below the threshold', ['fail', 'fail'], 'closed', 0],
    ['opens at it', ['fail', 'fail', 'fail'], 'open', 0],
    ['counts failures in a row alone', ['fail', 'fail', 'ok', 'fail', 'fail'], 'closed', 0],
    ['stays open without a probe for a second', ['fail', 'fail', 'fail', 999], 'open', 0],
    ['makes one probe after a second', ['fail', 'fail', 'fail', 1000], 'open', 1],
    ['makes one a second, without traffic', ['fail', 'fail', 'fail', 10_000], 'open', 10],
    ['does not open twice', ['fail', 'fail', 'fail', 'fail', 'fail', 'fail', 1000], 'open', 1],
    ['asks at word that the store may be back', ['fail', 'fail', 'fail', 400, 'word'], 'open', 1],
    ['asks again a second after word', ['fail', 'fail', 'fail', 400, 'word', 999], 'open', 1],
    ['and once then', ['fail', 'fail', 'fail', 400, 'word', 1000], 'open', 2],
    ['does not ask at word while it is closed', ['fail', 'word'], 'closed', 0],
    ['counts failures in a row, however far apart', ['fail', 1_000_000, 'fail', 'fail'], 'open', 0],
  ]
  test.each(rows)('%s', async (_title, steps, state, probes) => {
    const made = bench()
    await carryOut(made, steps)
    expect(made.circuit.state).toBe(state)
    expect(made.store.probes).toBe(probes)
    expect(made.timers.waiting).toBe(state === 'closed' ? 0 : 1)
  })

  test('closes with the first probe that succeeds, and needs as many failures as before to open again', async () => {
    const made = bench()
    await carryOut(made, ['fail', 'fail', 'fail', 1000])
    made.store.up = true
    await carryOut(made, [1000])
    expect(made.circuit.state).toBe('closed')
    expect(made.changes).toEqual([
      'closed → open',
      'open → half-open',
      'half-open → open',
      'open → half-open',
      'half-open → closed',
    ])
    expect(made.timers.waiting).toBe(0)
    await carryOut(made, ['fail', 'fail'])
    expect(made.circuit.state).toBe('closed')
    await carryOut(made, ['fail'])
    expect([made.circuit.state, made.circuit.trips]).toEqual(['open', 2])
  })

  test('is half-open while its probe is under way, and makes no second one', async () => {
    const timers = fakeTimers()
    let answer: () => void = () => undefined
    let probes = 0
    const circuit = new Circuit({
      threshold: 1,
      timeoutMs: 1000,
      timers,
      probe: () => {
        probes++
        return new Promise((resolve) => {
          answer = resolve
        })
      },
      changed: () => undefined,
    })
    circuit.failed(circuit.period, new Error('failed'))
    await timers.pass(5000)
    expect([circuit.state, probes]).toEqual(['half-open', 1])
    answer()
    await timers.pass(0)
    await new Promise((resolve) => setImmediate(resolve))
    expect(circuit.state).toBe('closed')
  })

  test('does not hear of calls that began before it opened or closed', async () => {
    const made = bench()
    const before = made.circuit.period
    await carryOut(made, ['fail', 'fail', 'fail'])
    made.store.up = true
    await carryOut(made, [1000])
    for (let i = 0; i < 5; i++) made.circuit.failed(before, new Error('late'))
    expect(made.circuit.state).toBe('closed')
    await carryOut(made, ['fail', 'fail'])
    made.circuit.succeeded(before)
    await carryOut(made, ['fail'])
    expect(made.circuit.state).toBe('open')
  })

  test('makes no probe once it is stopped', async () => {
    const made = bench()
    await carryOut(made, ['fail', 'fail', 'fail'])
    made.circuit.stop()
    await carryOut(made, ['word', 10_000])
    expect([made.store.probes, made.timers.waiting]).toEqual([0, 0])
  })
})
