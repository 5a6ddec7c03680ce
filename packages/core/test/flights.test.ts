import { fakeClock } from '@stowage/core/testing'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Flight, FlightOutcome } from '../src/flight.ts'
import { Flights, flightKey } from '../src/flights.ts'
import { storedResponse } from './stored.ts'

const clock = fakeClock()
const wait = 5000

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const open = (flights: Flights, key = 'a'): Flight => {
  const flight = flights.open(key)
  if (flight === undefined) throw new Error('no flight')
  return flight
}

/** The kind of outcome a waiter has had by now. */
const kindOf = (joined: Promise<FlightOutcome> | undefined): (() => string) => {
  let kind = joined === undefined ? 'refused' : 'waiting'
  void joined?.then((outcome) => {
    kind = outcome.kind
  })
  return () => kind
}

const soon = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0)

describe('a flight', () => {
  test('is the only one of its key', () => {
    const flights = new Flights(clock)
    const flight = open(flights)
    expect(flights.open('a')).toBeUndefined()
    expect(flights.get('a')).toBe(flight)
    flight.close()
    expect(flights.size).toBe(0)
    expect(flights.open('a')).toBeDefined()
  })

  const endings: readonly [how: string, end: (flight: Flight) => void, kind: string][] = [
    ['lands', (flight) => flight.land(storedResponse()), 'stored'],
    ['is refused', (flight) => flight.refuse(false), 'alone'],
    ['is refused for a while', (flight) => flight.refuse(true), 'alone'],
    ['finds another key', (flight) => flight.rekey(), 'again'],
    ['is closed', (flight) => flight.close(), 'alone'],
  ]
  test.each(endings)('that %s tells all its waiters', async (_how, end, kind) => {
    const flights = new Flights(clock)
    const flight = open(flights)
    const kinds = [1, 2, 3].map(() => kindOf(flight.join({}, wait)))
    end(flight)
    await soon()
    expect(kinds.map((of) => of())).toEqual([kind, kind, kind])
    expect(flight.waiters).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('that has landed answers whoever comes before it is closed, and nobody after', async () => {
    const flights = new Flights(clock)
    const flight = open(flights)
    const stored = storedResponse()
    flight.land(stored)
    await expect(flight.join({}, wait)).resolves.toEqual({ kind: 'stored', stored })
    flight.close()
    expect(flight.join({}, wait)).toBeUndefined()
  })

  test('takes no more than 1000 waiters', () => {
    const flight = open(new Flights(clock))
    for (let i = 0; i < 1000; i++) expect(flight.join({}, wait)).toBeDefined()
    expect(flight.join({}, wait)).toBeUndefined()
    expect(flight.waiters).toBe(1000)
    expect(vi.getTimerCount()).toBe(1)
  })

  test('ends waiting when patience does, each in its own time, and takes nobody after that', async () => {
    const flight = open(new Flights(clock))
    const first = kindOf(flight.join({}, 1000))
    await vi.advanceTimersByTimeAsync(500)
    const second = kindOf(flight.join({}, 1000))
    await vi.advanceTimersByTimeAsync(501)
    expect([first(), second()]).toEqual(['late', 'waiting'])
    expect(flight.join({}, 1000)).toBeUndefined()
    await vi.advanceTimersByTimeAsync(500)
    expect(second()).toBe('late')
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a flight that is abandoned', () => {
  test('is taken over by the first waiter, and the others wait for that one', async () => {
    const flights = new Flights(clock)
    const flight = open(flights)
    const first = flight.join({}, wait)
    const second = kindOf(flight.join({}, wait))
    flight.abandon()
    const outcome = await first
    expect(outcome?.kind).toBe('lead')
    if (outcome?.kind !== 'lead') return
    expect(flights.get('a')).toBe(outcome.flight)
    expect(second()).toBe('waiting')
    outcome.flight.land(storedResponse())
    await soon()
    expect(second()).toBe('stored')
  })

  test('keeps the patience of those who have waited already', async () => {
    const flights = new Flights(clock)
    const flight = open(flights)
    void flight.join({}, wait)
    const second = kindOf(flight.join({}, wait))
    await vi.advanceTimersByTimeAsync(wait - 10)
    flight.abandon()
    await vi.advanceTimersByTimeAsync(11)
    expect(second()).toBe('late')
  })

  test('frees its key where nobody waits, and does nothing twice', () => {
    const flights = new Flights(clock)
    const flight = open(flights)
    flight.abandon()
    expect(flights.size).toBe(0)
    const next = open(flights)
    flight.abandon()
    flight.close()
    expect(flights.get('a')).toBe(next)
  })
})

describe('a flight whose response varies', () => {
  const english = { 'accept-language': 'en' }
  const german = { 'accept-language': 'de' }

  test('keeps who would select it; the others look up again', async () => {
    const flight = open(new Flights(clock))
    const kinds = [english, german, {}, { 'accept-language': 'EN' }].map((headers) =>
      kindOf(flight.join(headers, wait)),
    )
    flight.narrow(['accept-language'], english)
    await soon()
    expect(kinds.map((of) => of())).toEqual(['waiting', 'again', 'again', 'waiting'])
  })

  test('does not answer who would not select it, however late they come', async () => {
    const flight = open(new Flights(clock))
    flight.narrow(['accept-language'], english)
    const before = kindOf(flight.join(german, wait))
    flight.land(storedResponse())
    const after = kindOf(flight.join(german, wait))
    const selecting = kindOf(flight.join(english, wait))
    await soon()
    expect([before(), after(), selecting()]).toEqual(['again', 'again', 'stored'])
  })

  test('moves to the key of its variant, unless that is taken', () => {
    const flights = new Flights(clock)
    const flight = open(flights)
    flights.move(flight, 'b')
    expect([flights.get('a'), flights.get('b')]).toEqual([undefined, flight])
    const other = open(flights)
    flights.move(other, 'b')
    expect([flights.get('a'), flights.get('b')]).toEqual([other, flight])
    flight.close()
    flights.move(flight, 'c')
    expect(flights.get('c')).toBeUndefined()
    other.close()
    expect(flights.size).toBe(0)
  })
})

describe('markers', () => {
  test('a refused key is uncollapsible for 10 seconds, if the refusal says so', () => {
    const flights = new Flights(clock)
    open(flights).refuse(false)
    expect(flights.isUncollapsible('a')).toBe(false)
    open(flights).refuse(true)
    expect(flights.isUncollapsible('a')).toBe(true)
    expect(flights.isUncollapsible('b')).toBe(false)
    clock.advance(9999)
    expect(flights.isUncollapsible('a')).toBe(true)
    clock.advance(1)
    expect(flights.isUncollapsible('a')).toBe(false)
  })

  test('a failing key is left in peace for a second', () => {
    const flights = new Flights(clock)
    flights.markFailing('a')
    clock.advance(999)
    expect(flights.isFailing('a')).toBe(true)
    clock.advance(1)
    expect(flights.isFailing('a')).toBe(false)
  })

  test('end with a response that can be shared, and with a clock that is set back', () => {
    const flights = new Flights(clock)
    flights.markUncollapsible('a +other')
    flights.markFailing('a')
    flights.markCollapsible('a +other', 'a')
    expect([flights.isUncollapsible('a +other'), flights.isFailing('a')]).toEqual([false, false])
    flights.markFailing('a')
    clock.advance(-60_000)
    expect(flights.isFailing('a')).toBe(false)
  })

  test('are kept for the 10,000 latest keys', () => {
    const flights = new Flights(clock)
    for (let i = 0; i < 20_000; i++) flights.markUncollapsible(String(i))
    expect([0, 9999].map((i) => flights.isUncollapsible(String(i)))).toEqual([false, false])
    expect([10_000, 19_999].map((i) => flights.isUncollapsible(String(i)))).toEqual([true, true])
  })
})

test('at most 64 background revalidations have a place at a time', () => {
  const flights = new Flights(clock)
  const taken = Array.from({ length: 65 }, () => flights.takeRevalidation())
  expect(taken.filter(Boolean)).toHaveLength(64)
  flights.giveRevalidation()
  expect([flights.takeRevalidation(), flights.takeRevalidation()]).toEqual([true, false])
})

test('requests with credentials have flights of their own', () => {
  const keys = [undefined, 'authorization', 'other'].map((credentials) => flightKey('a', credentials))
  expect(new Set(keys).size).toBe(3)
})
