import { describe, expect, test } from 'vitest'
import { packages, sourcesOf, withoutComments } from './workspace.ts'

const sources = packages.flatMap((each) =>
  sourcesOf(each).map(({ path, text }) => ({ file: `packages/${each.folder}/src/${path}`, text })),
)

const filesWhere = (holds: (code: string) => boolean): string[] =>
  sources.filter(({ text }) => holds(withoutComments(text))).map(({ file }) => file)

describe('the sources of all packages', () => {
  test('have no default export', () => {
    expect(filesWhere((code) => /^export default\b|\bas default\b/m.test(code))).toEqual([])
  })

  test('have no enum', () => {
    expect(
      filesWhere((code) => /^\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?enum\s+\w/m.test(code)),
    ).toEqual([])
  })

  test('do not use the type any', () => {
    expect(filesWhere((code) => /(?:[:<|&,(=]|\bas|=>)\s*any\b(?!\s*[:(=.?])|\bany\[\]/.test(code))).toEqual(
      [],
    )
  })

  test('are at most 300 lines long each', () => {
    const long = sources.map(({ file, text }) => ({ file, lines: text.trimEnd().split('\n').length }))
    expect(long.filter(({ lines }) => lines > 300)).toEqual([])
  })

  test('are named for what they hold', () => {
    const vague = /(?:^|[/.-])(?:utils?|helpers?|common|managers?)(?=[/.-])/
    expect(sources.map(({ file }) => file).filter((file) => vague.test(file))).toEqual([])
  })
})

/** What runs for requests: the engine and the adapters. */
const perRequest = /^packages\/(?:core\/src\/(?!backends|testing)|(?:node|express|koa|fastify)\/src\/)/

const perRequestWhere = (holds: (code: string) => boolean): string[] =>
  filesWhere(holds).filter((file) => perRequest.test(file))

const assigned =
  /[\w\])]\.#?\w+ (?:\?\?)?= (?:async )?(?:function\b|\w+ =>|\([^()]*(?:\([^()]*\)[^()]*)*\)(?::[^=]+)? =>)/
const assignedByName = /\w\[[^\]]+\] (?:\?\?)?= (?:async )?(?:function\b|\w+ =>|\([^()]*\)(?::[^=]+)? =>)/

describe('the sources that run for each request hold on to none beyond its answer', () => {
  // V8 puts a function that is written there into old memory, and with it whatever it knows.
  test('they assign no function to a member where it is written', () => {
    expect(perRequestWhere((code) => assigned.test(code))).toEqual([])
    expect(perRequestWhere((code) => assignedByName.test(code))).toEqual([])
  })

  // V8 gives each such object a hidden class of its own, in old memory, which has the accessor and what that knows.
  test('they have accessors in classes alone', () => {
    expect(perRequestWhere((code) => /^ {4,}get \w+\(/m.test(code))).toEqual([])
  })
})
