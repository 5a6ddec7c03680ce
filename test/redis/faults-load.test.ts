import { describe, expect, test } from 'vitest'
import { eventually, pause } from '../servers/redis.ts'
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
  'that takes connections and says nothing': async ({ proxy }) => {
    proxy.drop = true
    proxy.reset()
    return async () => {
      proxy.drop = false
      // As one that has come to life again would: those who have said something to it hear that it knows of nothing.
      proxy.reset()
    }
  },
  'whose replies come byte by byte': async ({ proxy }) => {
    proxy.dripMs = 20
    return async () => {
      proxy.dripMs = 0
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
  'that cannot save, and takes no writes': async ({ server }) => {
    await server.command('CONFIG', 'SET', 'dir', '/proc')
    await server.command('CONFIG', 'SET', 'save', '3600 1000000')
    await server.command('BGSAVE')
    const isRefused = (): Promise<boolean> =>
      server.command('SET', 'a', 'b').then(
        () => false,
        (error: Error) => error.message.startsWith('MISCONF'),
      )
    await eventually(isRefused, 'it takes no writes')
    return () => server.command('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'no')
  },
  'that has forgotten its connections, without a word': async ({ proxy }) => {
    proxy.forget()
    return async () => undefined
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

/** A few at a time: most of it is waiting. */
const together = 3
const inGroups = (faults: Readonly<Record<string, Fault>>): [string, Fault][][] => {
  const all = Object.entries(faults)
  return Array.from({ length: Math.ceil(all.length / together) }, (_, n) =>
    all.slice(n * together, (n + 1) * together),
  )
}

describe.each(inGroups(outages))('under load, out of reach', (...group) => {
  test.concurrent.for(group)(
    'a Redis %s fails no request and shows nothing old; the breaker opens within 1 s, and the store is shared again within 2 s',
    async ([, fault], { onTestFinished }) => {
      const outcome = await strike(await stage({}, onTestFinished), fault)
      expectUnharmed(outcome)
      expect(outcome.refused).toBeGreaterThan(5)
      expect(outcome.openedAfterMs).toBeLessThan(1000 + 2 * outcome.stallMs)
    },
  )
})

describe.each(inGroups(ailments))('under load, ailing', (...group) => {
  test.concurrent.for(group)(
    'a Redis %s fails no request and shows nothing old, and its entries are shared again within 2 s',
    async ([, fault], { onTestFinished }) => {
      const outcome = await strike(await stage({}, onTestFinished), fault)
      expectUnharmed(outcome)
      expect(outcome.answers.filter(isHit).length).toBeGreaterThan(10)
    },
  )
})
