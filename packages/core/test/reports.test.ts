import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { CacheEvents } from '../src/events.ts'
import type { Logger } from '../src/options.ts'
import { Reports } from '../src/reports.ts'

const createLogger = () => {
  const lines: string[] = []
  const log =
    (level: string) =>
    (message: string): void =>
      void lines.push(`${level} ${message}`)
  const logger: Logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') }
  return { logger, lines }
}

const miss: CacheEvents['miss'] = { key: 'k', reason: 'uri-miss' }

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

describe('events', () => {
  test('reach the listeners of their name until those stop listening', () => {
    const reports = new Reports(undefined)
    const heard: string[] = []
    const stop = reports.on('miss', ({ reason }) => heard.push(`a ${reason}`))
    reports.on('miss', ({ reason }) => heard.push(`b ${reason}`))
    reports.on('hit', () => heard.push('hit'))
    reports.emit('miss', miss)
    stop()
    stop()
    reports.emit('miss', miss)
    expect(heard).toEqual(['a uri-miss', 'b uri-miss', 'b uri-miss'])
  })

  test('are wanted where somebody listens, or there is a logger', () => {
    const reports = new Reports(undefined)
    expect(reports.wants('miss')).toBe(false)
    const stop = reports.on('miss', () => undefined)
    expect([reports.wants('miss'), reports.wants('hit')]).toEqual([true, false])
    stop()
    expect(reports.wants('miss')).toBe(false)
    expect(new Reports(createLogger().logger).wants('miss')).toBe(true)
  })

  test('reach the other listeners where one throws, which is an error event of its own', () => {
    const reports = new Reports(undefined)
    const heard: unknown[] = []
    reports.on('miss', () => {
      throw new Error('broken')
    })
    reports.on('miss', () => heard.push('second'))
    reports.on('error', ({ code, op, error }) => heard.push([code, op, (error as Error).message]))
    reports.emit('miss', miss)
    expect(heard).toEqual([['LISTENER', 'miss', 'broken'], 'second'])
  })

  test('a listener that rejects is reported, not left unhandled', async () => {
    const reports = new Reports(undefined)
    const codes: string[] = []
    reports.on('error', ({ code }) => codes.push(code))
    reports.on('miss', async () => {
      throw new Error('broken')
    })
    reports.emit('miss', miss)
    await Promise.resolve()
    await Promise.resolve()
    expect(codes).toEqual(['LISTENER'])
  })

  test('a listener of errors that fails fails alone', async () => {
    const reports = new Reports(undefined)
    reports.on('error', () => {
      throw new Error('broken')
    })
    reports.on('error', () => Promise.reject(new Error('broken')) as unknown as undefined)
    reports.error('BACKEND_READ', 'get', new Error('down'))
    await Promise.resolve()
    expect(reports.stats().errors).toBe(1)
  })
})

describe('log lines', () => {
  test('what happens is for debugging, what fails is a warning', () => {
    const { logger, lines } = createLogger()
    const reports = new Reports(logger)
    reports.emit('miss', miss)
    reports.error('BACKEND_READ', 'get', new Error('down'))
    expect(lines).toEqual(['debug stowage miss', 'warn stowage BACKEND_READ get: down'])
  })

  test('warn of one code at most 5 times a second, of each code by itself', () => {
    const { logger, lines } = createLogger()
    const reports = new Reports(logger)
    for (let i = 0; i < 1000; i++) reports.error('BACKEND_READ', 'get', new Error('down'))
    reports.error('BACKEND_WRITE', 'set', new Error('down'))
    expect(lines).toHaveLength(6)
    vi.advanceTimersByTime(1000)
    reports.error('BACKEND_READ', 'get', new Error('down'))
    expect(lines).toHaveLength(7)
    expect(reports.stats().errors).toBe(1002)
  })

  test('an error event reaches its listeners every time', () => {
    const reports = new Reports(undefined)
    let heard = 0
    reports.on('error', () => heard++)
    for (let i = 0; i < 100; i++) reports.error('BACKEND_READ', 'get', new Error('down'))
    expect(heard).toBe(100)
  })

  test('a logger that throws disturbs nobody', () => {
    const { logger } = createLogger()
    const broken = (): never => {
      throw new Error('EPIPE')
    }
    const reports = new Reports({ ...logger, debug: broken, warn: broken })
    reports.emit('miss', miss)
    reports.error('BACKEND_READ', 'get', new Error('down'))
    expect(reports.stats().errors).toBe(1)
  })

  test('with neither a logger nor a listener, the process is warned', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const reports = new Reports(undefined)
    for (let i = 0; i < 1000; i++) reports.error('BACKEND_READ', 'get', new Error('down'))
    expect(warn).toHaveBeenCalledTimes(5)
    expect(warn).toHaveBeenCalledWith('get: down', { type: 'StowageWarning', code: 'BACKEND_READ' })
    reports.on('error', () => undefined)
    vi.advanceTimersByTime(1000)
    reports.error('BACKEND_READ', 'get', new Error('down'))
    expect(warn).toHaveBeenCalledTimes(5)
  })

  test.each([
    ['a text', 'down', 'get: down'],
    ['nothing', undefined, 'get: undefined'],
    ['a symbol', Symbol('down'), 'get: Symbol(down)'],
    ['an object that is no text', Object.create(null), 'get: an error without a message'],
  ])('%s can be thrown', (_title, thrown, expected) => {
    const { logger, lines } = createLogger()
    new Reports(logger).error('BACKEND_READ', 'get', thrown)
    expect(lines).toEqual([`warn stowage BACKEND_READ ${expected}`])
  })
})

describe('statistics', () => {
  test('count the whole cache and each route', () => {
    const reports = new Reports(undefined)
    for (const counter of ['hits', 'hits', 'stale', 'misses', 'bypasses', 'stored'] as const)
      reports.count(counter)
    reports.countHit('/a', 20)
    reports.countHit('/a', 30)
    reports.countMiss('/a')
    reports.countHit(undefined, 99)
    reports.countMiss(undefined)
    const stats = reports.stats()
    expect(stats).toMatchObject({ hits: 2, stale: 1, misses: 1, bypasses: 1, stored: 1, hitRate: 0.75 })
    expect(stats.byRoute).toEqual({ '/a': { hits: 2, misses: 1, savedMs: 50 } })
    expect(JSON.parse(JSON.stringify(stats))).toMatchObject({
      hits: 2,
      hitRate: 0.75,
      byRoute: stats.byRoute,
    })
  })

  test('are those of the moment in which they were asked for', () => {
    const reports = new Reports(undefined)
    reports.countMiss('/a')
    const before = reports.stats()
    reports.count('hits')
    reports.countMiss('/a')
    expect([before.hits, before.byRoute['/a']?.misses]).toEqual([0, 1])
    expect(before.hitRate).toBe(0)
    before.reset()
    expect(reports.stats()).toMatchObject({ hits: 0, byRoute: {} })
  })

  test('keep 1,000 routes; what comes later counts together', () => {
    const reports = new Reports(undefined)
    for (let i = 0; i < 5000; i++) reports.countMiss(`/${i}`)
    reports.countMiss('/0')
    const { byRoute } = reports.stats()
    expect(Object.keys(byRoute)).toHaveLength(1001)
    expect(byRoute['(other)']?.misses).toBe(4000)
    expect(byRoute['/0']?.misses).toBe(2)
  })

  test('a route called __proto__ is a route', () => {
    const reports = new Reports(undefined)
    reports.countMiss('__proto__')
    expect(Object.entries(reports.stats().byRoute)).toEqual([
      ['__proto__', { hits: 0, misses: 1, savedMs: 0 }],
    ])
  })
})
