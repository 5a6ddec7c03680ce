import { memory } from '@stowage/core'
import { describe, expect, test } from 'vitest'
import { scaled } from '../../../../test/scale.ts'
import { CacheDirectory } from '../../src/backends/file-directory.ts'
import { FileEntries } from '../../src/backends/file-entries.ts'
import { FileTags } from '../../src/backends/file-tags.ts'
import { runSchedule } from '../cache/schedule.ts'
import { createScheduler, type Scheduler } from '../cache/scheduler.ts'
import { createRandom, pick } from '../random.ts'
import { MemoryDisk, type Step, viewOf } from './memory-disk.ts'

/** A log is sealed after some two invalidations. */
const tiny = { compactAbove: 250 }
const at = '/cache'

interface Process {
  readonly tags: FileTags
  kill(): void
}

/** A process on the disk, each of whose steps waits for its turn; killed, it takes no more, and the one under way ends half. */
const start = (disk: MemoryDisk, scheduler: Scheduler): Process => {
  let killed = false
  const step: Step = async (act) => {
    await scheduler.pause()
    if (killed) return new Promise(() => undefined)
    return act()
  }
  const dying: Step = async (act) => {
    await scheduler.pause()
    const result = act()
    return killed ? new Promise(() => undefined) : result
  }
  const whole = viewOf(disk, step)
  const torn = viewOf(disk, dying, (length) => (killed ? Math.floor(scheduler.random() * length) : length))
  const open = async (...given: Parameters<typeof whole.open>) => {
    const [file, cut] = [await whole.open(...given), given[1] & 1024 ? torn.open(...given) : undefined]
    return cut === undefined ? file : { ...file, write: (await cut).write }
  }
  const fs = { ...whole, open }
  const files = new FileEntries(new CacheDirectory(at, fs), fs, 2 ** 20)
  const kill = (): void => {
    killed = true
  }
  return { tags: new FileTags(files, fs, tiny), kill }
}

interface Seen {
  readonly epoch: string
  readonly seq: number
}

/** Several processes that invalidate and look, and what was wrong with what they saw. */
class Interleaving {
  readonly problems: string[] = []
  readonly taken = new Set<string>()
  epochs = new Set<string>()
  readonly #scheduler: Scheduler
  readonly #disk = new MemoryDisk()
  readonly #processes: Process[]
  /** What nobody who asks from now on may fall behind. */
  readonly #known: (Seen & { readonly tag?: string })[] = []

  constructor(seed: number) {
    this.#scheduler = createScheduler(createRandom(seed))
    this.#processes = [1, 2, 3].map(() => start(this.#disk, this.#scheduler))
  }

  async run(actions: number, mortal: boolean): Promise<void> {
    for (let i = 0; i < actions; i++) {
      const process = pick(this.#scheduler.random, this.#processes)
      const drawn = this.#scheduler.random()
      if (mortal && drawn < 0.04) this.#replace(process)
      else this.#guard(drawn < 0.5 ? this.#bump(process) : this.#look(process))
      const steps = Math.floor(this.#scheduler.random() * 12)
      for (let s = 0; s < steps; s++) await this.#scheduler.step()
    }
    await this.#scheduler.drain()
    for (const process of this.#processes) this.#guard(this.#look(process))
    await this.#scheduler.drain()
  }

  #replace(process: Process): void {
    process.kill()
    this.#processes.splice(this.#processes.indexOf(process), 1, start(this.#disk, this.#scheduler))
  }

  async #bump({ tags }: Process): Promise<void> {
    const before = await tags.head()
    const tag = pick(this.#scheduler.random, ['a', 'b', 'c'])
    const seq = await tags.bump([tag])
    // In which life it counted is known only where there is one.
    const { epoch } = await tags.head()
    if (epoch !== before.epoch) return
    if (seq <= before.seq) this.problems.push(`${seq} is not above ${before.seq}`)
    const name = `${epoch} ${seq}`
    if (this.taken.has(name)) this.problems.push(`${seq} was taken twice`)
    this.taken.add(name)
    this.#known.push({ epoch, seq, tag })
  }

  async #look({ tags }: Process): Promise<void> {
    const known = [...this.#known]
    const head = await tags.head()
    this.epochs.add(head.epoch)
    const names = ['a', 'b', 'c']
    const counts = await tags.read(names)
    for (const { epoch, seq, tag } of known) {
      if (epoch === head.epoch && head.seq < seq) this.problems.push(`${head.seq} is behind ${seq}`)
      // Under another life the entry is refused, or nothing is answered below the former count.
      const count = counts[names.indexOf(tag ?? '')]
      if (count !== undefined && epoch === head.epoch && count < seq)
        this.problems.push(`${tag} at ${count} is behind ${seq}`)
    }
    this.#known.push(head)
  }

  #guard(work: Promise<void>): void {
    work.catch((error: unknown) =>
      this.problems.push(`thrown: ${String(error)} ${String((error as Error).cause)}`),
    )
  }
}

const runAll = async (count: number, mortal: boolean) => {
  const problems: string[] = []
  let bumps = 0
  let epochs = 0
  for (let seed = 1; seed <= count; seed++) {
    const interleaving = new Interleaving(seed)
    await interleaving.run(40, mortal)
    bumps += interleaving.taken.size
    epochs += interleaving.epochs.size
    for (const problem of interleaving.problems) problems.push(`seed ${seed}: ${problem}`)
  }
  return { problems, bumps, epochs }
}

describe('the log of invalidations', () => {
  const count = scaled(60, 3000)

  test(
    'every count is taken once, and nobody falls behind, in whatever order three processes do what they do',
    async () => {
      const { problems, bumps, epochs } = await runAll(count, false)
      expect(problems.slice(0, 5)).toEqual([])
      expect(bumps).toBeGreaterThan(count * 10)
      expect(epochs).toBe(count)
    },
    scaled(60_000, 3_600_000),
  )

  test(
    'the same where processes are killed, some in the midst of a write: what is lost changes the epoch',
    async () => {
      const { problems, bumps, epochs } = await runAll(count, true)
      expect(problems.slice(0, 5)).toEqual([])
      expect(bumps).toBeGreaterThan(count * 5)
      expect(epochs).toBeGreaterThan(count)
    },
    scaled(60_000, 3_600_000),
  )

  test(
    'no invalidated response comes back, whatever is under way',
    async () => {
      const problems: string[] = []
      let reused = 0
      for (let seed = 1; seed <= scaled(40, 2000); seed++) {
        const { problems: found, reused: number } = await runSchedule(seed, (scheduler, clock) => {
          const store = memory({ clock })
          const { tags } = start(new MemoryDisk(), scheduler)
          const { get, set } = {
            get: (key: string) => scheduler.later(() => store.get(key)),
            set: (key: string, value: string, ttl: number) =>
              scheduler.later(() => store.set(key, value, ttl)),
          }
          return { get, set, delete: (key) => store.delete(key), close: () => store.close(), tags }
        })
        reused += number
        for (const problem of found) problems.push(`seed ${seed}: ${problem}`)
      }
      expect(problems.slice(0, 5)).toEqual([])
      expect(reused).toBeGreaterThan(40)
    },
    scaled(60_000, 3_600_000),
  )
})
