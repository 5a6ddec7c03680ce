import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root } from './pages.ts'

const read = (path: string): string => readFileSync(join(root, path), 'utf8')

/** The members that an interface states itself, in their order. */
const membersOf = (source: string, name: string): string[] => {
  const text = read(source)
  const start = text.search(new RegExp(`^export interface ${name}\\b`, 'm'))
  const body = text.slice(start, text.indexOf('\n}', start))
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??(?::|\(|<)/gm)].map(([, member = '']) => member)
}

/** What a page explains: the words in code in the first column of its tables, and after a comma in one. */
const rowsOf = (page: string): Set<string> => {
  const cells = [...read(page).matchAll(/^\| (`[^|]*) \|/gm)].map(([, cell = '']) => cell)
  return new Set(cells.flatMap((cell) => [...cell.matchAll(/`(\w+)/g)].map(([, word = '']) => word)))
}

const former = new Set(['timeout'])

describe('each member is explained in a table', () => {
  test.each([
    ['CachePolicy', 'packages/core/src/options.ts', 'docs/express.md'],
    ['CacheOptions', 'packages/core/src/options.ts', 'docs/express.md'],
    ['HandlerCache', 'packages/core/src/handler.ts', 'docs/express.md'],
    ['CacheEvents', 'packages/core/src/events.ts', 'docs/observability.md'],
    ['MemoryOptions', 'packages/core/src/backends/memory-options.ts', 'docs/backends.md'],
    ['FileOptions', 'packages/core/src/backends/file-options.ts', 'docs/file.md'],
    ['HttpApiOptions', 'packages/core/src/backends/http-options.ts', 'docs/http-backend.md'],
    ['TieredOptions', 'packages/core/src/backends/tiered-options.ts', 'docs/tiered.md'],
    ['ResilientOptions', 'packages/core/src/backends/resilient-options.ts', 'docs/resilience.md'],
    ['ValueOptions', 'packages/core/src/value-options.ts', 'docs/values.md'],
    ['RedisOptions', 'packages/redis/src/options.ts', 'docs/redis.md'],
    ['SqliteOptions', 'packages/sqlite/src/options.ts', 'docs/sqlite.md'],
  ])('of %s (%s) in %s', (name, source, page) => {
    const members = membersOf(source, name).filter((member) => !former.has(member))
    const rows = rowsOf(page)
    expect(members.length).toBeGreaterThan(2)
    expect(members.filter((member) => !rows.has(member))).toEqual([])
  })

  test('of CacheStats in docs/observability.md', () => {
    const counters = membersOf('packages/core/src/events.ts', 'CacheStats')
    const rows = rowsOf('docs/observability.md')
    expect(counters.filter((counter) => !/^(?:reset|toJSON)$/.test(counter) && !rows.has(counter))).toEqual(
      [],
    )
  })

  test('of a selector in docs/invalidation.md', () => {
    const union =
      /export type Selector =([\s\S]*?)\n\n/.exec(read('packages/core/src/selector.ts'))?.[1] ?? ''
    const names = [...union.matchAll(/readonly (\w+):/g)].map(([, name = '']) => name)
    const page = read('docs/invalidation.md')
    expect(names.length).toBeGreaterThan(4)
    expect(names.filter((name) => !page.includes(`| \`{ ${name}: `))).toEqual([])
  })

  test('of the environment in docs/backends.md', () => {
    const source = read('packages/core/src/environment.ts')
    const variables = [...source.matchAll(/env\.\w+\('([A-Z_]+)'|read\.\w+\('([A-Z_]+)'/g)].map(
      ([, named, stated]) => named ?? stated ?? '',
    )
    const page = read('docs/backends.md')
    expect(variables.length).toBeGreaterThan(10)
    expect(variables.filter((variable) => !page.includes(`\`${variable}\``))).toEqual([])
  })
})

test('every page is in the list of the README', () => {
  const readme = read('README.md')
  const pages = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'))
  expect(pages.filter((page) => !readme.includes(`(docs/${page})`))).toEqual([])
})

test('docs/architecture.md names files that exist', () => {
  const files = ['packages', 'test']
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(
        (file) => `${folder}/${file}`,
      ),
    )
    .filter((file) => !/(?:^|[\\/])(?:node_modules|dist)[\\/]/.test(file))
    .map((file) => file.replaceAll('\\', '/'))
  const named = [...read('docs/architecture.md').matchAll(/`([\w/-]+\.ts)`/g)].map(([, name = '']) => name)
  expect(named.length).toBeGreaterThan(50)
  expect(
    named.filter(
      (name) =>
        !files.some(
          (file) => file === name || file.endsWith(`/src/${name}`) || file.endsWith(`/backends/${name}`),
        ),
    ),
  ).toEqual([])
})
