import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root } from './pages.ts'

const source = join(root, 'packages/core/src')

/** The engine without comments, a statement to a line. */
const code = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !/^(?:testing|backends)\b/.test(path))
  .map((path) => readFileSync(join(source, path), 'utf8'))
  .join('\n')
  .replace(/^\s*(?:\/\*\*|\*|\/\/).*$/gm, '')
  .replace(/=\n\s+/g, '= ')
  .replace(/\n\s+(?=[?:&|])/g, ' ')

const groups = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([, group = '']) => group)

/** The words in quotes; what something is compared with is none of them. */
const wordsIn = (expression: string): string[] => groups(expression, /(?<![!=]== )'([a-z]+(?:-[a-z]+)*)'/g)

/** Where the engine names a detail: given as one, as the code of a refusal, or as the reason for a bypass. */
const named = [
  /\bdetail(?::| =| \?\?)( [^,;{}\n]*)/g,
  /\bcode: ('[a-z-]+'), detail: /g,
  /\bbypass\((?:request, [\w#.]+, )?('[a-z-]+')\)/g,
  /\brefuse\(('[a-z-]+'), /g,
]
const details = new Set(named.flatMap((pattern) => groups(code, pattern)).flatMap(wordsIn))

const rejections = groups(code, /(?:\bdropRecording\([^,]+, |#drop\()('[a-z-]+'), /g)

const page = readFileSync(join(root, 'docs/cache-status.md'), 'utf8')

/** The first column of the tables under a heading, `detail` and `code` being those of their heads. */
const rowsUnder = (heading: string): string[] => {
  const [, section = ''] = page.split(`\n## ${heading}\n`)
  const rows = groups(section.split('\n## ', 1)[0] ?? '', /^\| `([a-z-]+)` \|/gm)
  return rows.filter((row) => row !== 'detail' && row !== 'code')
}

describe('docs/cache-status.md', () => {
  test('explains every detail that the sources name, and no other', () => {
    const explained = [
      ...rowsUnder('Answered from the cache'),
      ...rowsUnder('Not looked up'),
      ...rowsUnder('Forwarded and not stored'),
    ]
    expect([...new Set(explained)].sort()).toEqual([...details].sort())
    expect(details.size).toBeGreaterThan(30)
  })

  test('explains every code of a rejection at the end, and no other', () => {
    expect(rowsUnder('Known only at the end').sort()).toEqual(rejections.flatMap(wordsIn).sort())
    expect(rejections.length).toBeGreaterThan(1)
  })

  test('explains every reason for which a request goes forward', () => {
    const union = groups(code, /type ForwardReason = ([^\n]+)/g).flatMap(wordsIn)
    // RFC 9211 has "miss" for caches that cannot tell a miss by URI from one by Vary. This one can.
    const reasons = union.filter((reason) => reason !== 'miss')
    const explained = groups(page.split('\n## ', 1)[0] ?? '', /^\| `([a-z-]+)` \|/gm)
    expect(reasons.filter((reason) => !explained.includes(reason))).toEqual([])
    expect(reasons).toHaveLength(6)
  })
})
