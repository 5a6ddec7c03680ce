import { describe, expect, test } from 'vitest'
import { pause } from '../servers/redis.ts'
import { expectUnharmed, type Fault, faultMs, stage, strike } from './scene.ts'
import { isHit } from './site.ts'

/** Out of reach for all: the breaker must open. */
const outages: Readonly<Record<string, Fault>> = {
  'that is killed': async (scene) => {
    scene.server.signal('SIGKILL')
    return async () => {
      scene.server = await scene.server.restart()
    }
  },
  'that is stopped': async ({ server }) => {
    server.signal('SIGSTOP')
    return async () => server.signal('SIGCONT')
  },
  'that is paused': async ({ server }) => {
    await server.command('CLIENT', 'PAUSE', String(faultMs))
    return async () => undefined
  },
  'that wants another password': async ({ server }) => {
    await server.command('CONFIG', 'SET', 'requirepass', 'another')
    await server.login('another', ['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'])
    return () => server.login('another', ['CONFIG', 'SET', 'requirepass', ''])
  },
  'that is busy with a script': async ({ server }) => {
    server.command('EVAL', 'while true do end', '0').catch(() => undefined)
    await pause(50)
    return () => server.command('SCRIPT', 'KILL')
  },
  'that is cut off without a word': async ({ proxy }) => {
    proxy.drop = true
    return async () => {
      proxy.drop = false
    }
  },
  'that refuses every connection': async ({ proxy }) => {
    proxy.refuse = true
    proxy.reset()
    return async () => {
      proxy.refuse = false
    }
  },
}

/** Able to do something still. */
const ailments: Readonly<Record<string, Fault>> = {
  'that is out of memory': async ({ server }) => {
    await server.command('CONFIG', 'SET', 'maxmemory', '1')
    return () => server.command('CONFIG', 'SET', 'maxmemory', '0')
  },
  'that has become a replica': async ({ server }) => {
    await server.command('REPLICAOF', '127.0.0.1', '1')
    return () => server.command('REPLICAOF', 'NO', 'ONE')
  },
  'whose connections are reset time and again': async ({ proxy }) => {
    const timer = setInterval(() => proxy.reset(), 50)
    return async () => clearInterval(timer)
  },
}

describe.each(Object.entries(outages))('under load, a Redis %s', (_what, fault) => {
  test('fails no request; the breaker opens within 1 s, and the store is shared again within 2 s', async () => {
    const outcome = await strike(await stage(), fault)
    expectUnharmed(outcome)
    expect(outcome.openedAfterMs).toBeLessThan(1000 + 2 * outcome.stallMs)
  })
})

describe.each(Object.entries(ailments))('under load, a Redis %s', (_what, fault) => {
  test('fails no request, and its entries are shared again within 2 s', async () => {
    const outcome = await strike(await stage(), fault)
    expectUnharmed(outcome)
    expect(outcome.answers.filter(isHit).length).toBeGreaterThan(10)
  })
})
