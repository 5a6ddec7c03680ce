import { type RedisOptions, redis } from '@stowage/redis'
import { expect, onTestFinished } from 'vitest'
import { pause, type RedisServer, startRedis } from '../servers/redis.ts'
import { startProxy, type TcpProxy } from '../servers/tcp-proxy.ts'
import { askAll, oldAmong, startChanges, type Versions } from './changes.ts'
import {
  type Answered,
  type LoadResult,
  type Site,
  serveSite,
  startLoad,
  untilShared,
  wrongAmong,
} from './site.ts'

const deadlineMs = 250
export const faultMs = 1800

/** The server of a test, behind a proxy, with two sites that share it. */
export interface Scene {
  server: RedisServer
  readonly proxy: TcpProxy
  readonly site: Site
  readonly other: Site
  /** Of the items, as both sites' handlers know them. */
  readonly versions: Versions
  /** When the breaker of `site` has opened, by `performance.now()`. */
  readonly opened: readonly number[]
}

/** `finished` is that of the test's context, where tests run beside each other. */
export const stage = async (
  options: RedisOptions = {},
  finished: typeof onTestFinished = onTestFinished,
): Promise<Scene> => {
  const args = ['--lua-time-limit', '100', '--enable-protected-configs', 'yes']
  const server = await startRedis({ args })
  const proxy = await startProxy(server.port)
  const opened: number[] = []
  const versions: Versions = new Map()
  const url = `redis://127.0.0.1:${proxy.port}`
  const onCircuit: RedisOptions['onCircuit'] = ({ state, previous }) => {
    if (state === 'open' && previous === 'closed') opened.push(performance.now())
  }
  const site = await serveSite(redis({ url, onCircuit, ...options }), versions)
  // Two backends that say the same would share a connection.
  const other = await serveSite(redis({ url, socketTimeout: '1001ms', ...options }), versions)
  const scene: Scene = { server, proxy, site, other, versions, opened }
  finished(async () => {
    await Promise.all([site.end(), other.end()])
    await Promise.all([proxy.end(), scene.server.end()])
  })
  return scene
}

/** What becomes of a server for a while: resolves when it has, and gives what ends it. */
export type Fault = (scene: Scene) => Promise<() => Promise<unknown>>

export interface Outcome extends LoadResult {
  /** Older than what had been invalidated when they were asked for. */
  readonly old: readonly Answered[]
  /** Of the invalidations, those that the store has taken and those that it has not. */
  readonly taken: number
  readonly refused: number
  /** From the end of the fault until the sites share what they store. */
  readonly recoveryMs: number
  /** From the beginning of the fault until the breaker was open; undefined where it stayed closed. */
  readonly openedAfterMs: number | undefined
}

/** Puts the scene under load and its items through changes, and the fault in the midst of it. */
export const strike = async (scene: Scene, fault: Fault): Promise<Outcome> => {
  const { site, other, versions, opened } = scene
  await untilShared(site, other)
  const load = startLoad(site)
  const during = startChanges('during', site, other, versions)
  await pause(400)
  const start = performance.now()
  const end = await fault(scene)
  await pause(faultMs)
  const changed = during.stop()
  const after = startChanges('after', site, other, versions)
  await end()
  const recoveryMs = await untilShared(site, other)
  await pause(200)
  const { answers, stallMs } = await load.stop()
  const both = await Promise.all([changed, after.stop()])
  const changes = both.flatMap((each) => each.changes)
  // Of what the store has not taken it is told before anything is asked of it.
  await untilShared(site, other)
  const last = await askAll([site, other])
  const first = opened.find((at) => at > start)
  const taken = changes.filter((change) => change.taken).length
  return {
    answers: [...answers, ...both.flatMap(({ others }) => others)],
    stallMs,
    old: [...oldAmong(answers, changes), ...oldAmong(last, changes)],
    taken,
    refused: changes.length - taken,
    recoveryMs,
    openedAfterMs: first === undefined ? undefined : first - start,
  }
}

/**
 * Nobody notices but by the clock, and that for no longer than the deadline; nothing is answered with that was
 * invalidated before, here nor, when it is over, elsewhere; the store is shared again within 2 s.
 */
export const expectUnharmed = ({ answers, old, taken, stallMs, recoveryMs }: Outcome): void => {
  expect(answers.length).toBeGreaterThan(150)
  expect(wrongAmong(answers)).toEqual([])
  expect(old).toEqual([])
  expect(taken).toBeGreaterThan(5)
  const worstMs = Math.max(...answers.map(({ ms }) => ms))
  expect(worstMs).toBeLessThan(deadlineMs + 50 + 2 * stallMs)
  expect(recoveryMs).toBeLessThan(2000 + 2 * stallMs)
}
