import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { filesUnder, packages, root, sourcesOf, withoutComments } from './workspace.ts'

describe('the public exports', () => {
  const entries = packages.flatMap(({ declarations }) => declarations)

  test.each(entries.map((entry) => [relative(root, entry), entry]))(
    'of %s each have an example',
    (_name, entry) => {
      const names = exportedBy(entry)
      expect(names.length).toBeGreaterThan(0)
      const bare = names.filter(({ documentation }) => !documentation.includes('@example'))
      expect(bare.map(({ name }) => name)).toEqual([])
    },
  )
})

interface Exported {
  readonly name: string
  readonly documentation: string
}

/** The names that a declaration file exports, followed through its relative re-exports. */
function exportedBy(file: string): Exported[] {
  const text = readFileSync(file, 'utf8')
  const lists = [...text.matchAll(/^export (?:type )?\{([^}]*)\}(?: from ['"]([^'"]+)['"])?/gm)]
  const again = lists.flatMap(([, list = '', from]) =>
    namesIn(list).flatMap((name) => follow(file, name, from)),
  )
  const stars = [...text.matchAll(/^export \* from ['"](\.[^'"]+)['"]/gm)]
  const all = stars.flatMap(([, from = '']) => exportedBy(declarationFile(file, from)))
  return [...declaredIn(text), ...again, ...all]
}

/** `a, type B, c as d` → the names before any `as`. */
const namesIn = (list: string): string[] =>
  list
    .split(',')
    .map(
      (item) =>
        item
          .trim()
          .replace(/^type /, '')
          .split(' as ')[0] ?? '',
    )
    .filter((name) => name !== '')

/** What another package exports is documented, and checked, there. */
function follow(file: string, name: string, from: string | undefined): Exported[] {
  if (from !== undefined && !from.startsWith('.')) return []
  if (from === undefined) return documented(readFileSync(file, 'utf8'), name)
  const target = declarationFile(file, from)
  const found = exportedBy(target).find((exported) => exported.name === name)
  return [found ?? { name, documentation: '' }]
}

const declarationFile = (file: string, specifier: string): string =>
  join(dirname(file), specifier.replace(/\.js$/, '.d.ts'))

const kinds = '(?:abstract )?(?:function|const|class|interface|type|namespace)'

function declaredIn(text: string): Exported[] {
  const pattern = new RegExp(`^export (?:declare )?${kinds} ([\\w$]+)`, 'gm')
  const names = new Set([...text.matchAll(pattern)].map(([, name = '']) => name))
  return [...names].flatMap((name) => documented(text, name))
}

/** The comments right before the declarations of a name: overloads have several. */
function documented(text: string, name: string): Exported[] {
  const pattern = new RegExp(`^(?:export )?(?:declare )?${kinds} ${name.replaceAll('$', '\\$')}\\b`, 'gm')
  const comments = [...text.matchAll(pattern)].map(({ index }) => commentBefore(text, index))
  return [{ name, documentation: comments.join('\n') }]
}

function commentBefore(text: string, index: number): string {
  const before = text.slice(0, index).trimEnd()
  return before.endsWith('*/') ? before.slice(before.lastIndexOf('/**')) : ''
}

describe('docs/errors.md', () => {
  const sources = packages.flatMap(sourcesOf).map(({ text }) => withoutComments(text))
  const configCodes = sources.flatMap((code) => code.match(/\bCACHE_CONFIG_[A-Z]+(?:_[A-Z]+)*\b/g) ?? [])
  const eventCodes = sources.flatMap((code) => membersOf(code, 'ErrorCode'))
  const backendCodes = sources.flatMap((code) => membersOf(code, 'BackendErrorCode'))
  const warnings = sources.flatMap((code) =>
    [...code.matchAll(/emitWarning\([^)]*\bcode: '([A-Z_]+)'/g)].map(([, warning = '']) => warning),
  )

  test('has a section for every code of the sources, and for no other', () => {
    const page = readFileSync(join(root, 'docs/errors.md'), 'utf8')
    const documented = [...page.matchAll(/^### ([A-Z_]+)$/gm)].map(([, code]) => code)
    const codes = [configCodes, eventCodes, backendCodes, warnings]
    expect(documented.sort()).toEqual([...new Set(codes.flat())].sort())
    expect(codes.filter(({ length }) => length === 0)).toEqual([])
  })

  test('cannot miss a code: each is written out where it is used', () => {
    const built = packages.flatMap((each) =>
      sourcesOf(each).filter(({ text }) => /CACHE_CONFIG_\$\{(?!string\})/.test(text)),
    )
    expect(built.map(({ path }) => path)).toEqual([])
  })

  test('names no event that is never reported', () => {
    const reported = (code: string) =>
      sources.some((text) => text.replace(unionOf('ErrorCode'), '').includes(`'${code}'`))
    expect(eventCodes.filter((code) => !reported(code))).toEqual([])
  })
})

const unionOf = (type: string): RegExp => new RegExp(`^export type ${type} =((?:\\s*\\|?\\s*'[^']*')+)`, 'm')

/** The members of a union of strings that the code declares under that name. */
const membersOf = (code: string, type: string): string[] =>
  [...(unionOf(type).exec(code)?.[1] ?? '').matchAll(/'([^']*)'/g)].map(([, member = '']) => member)

describe('relative links', () => {
  const pages = [
    join(root, 'README.md'),
    join(root, 'CONTRIBUTING.md'),
    ...filesUnder(join(root, 'docs'), '.md'),
  ]

  test.each(pages.map((page) => [relative(root, page), page]))('of %s lead somewhere', (_name, page) => {
    expect(linksIn(readFileSync(page, 'utf8')).filter((link) => !resolves(page, link))).toEqual([])
  })
})

const withoutCode = (text: string): string => text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '')

const linksIn = (text: string): string[] =>
  [...withoutCode(text).matchAll(/\]\(([^)\s]+)[^)]*\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^[a-z]+:/.test(link))

function resolves(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? page : join(dirname(page), decodeURIComponent(path))
  if (!existsSync(target)) return false
  return anchor === undefined || anchorsOf(readFileSync(target, 'utf8')).has(anchor)
}

/** The anchors that a heading gets: lower case, spaces as hyphens, punctuation dropped. */
const anchorsOf = (text: string): Set<string> =>
  new Set(
    [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ +(.+)$/gm)].map(([, heading = '']) =>
      heading
        .trim()
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
