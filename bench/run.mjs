// npm run bench: all benchmarks, as Markdown. --write puts them into docs/performance.md, --rounds=9 takes more of
// them, and --only=http, --only=growth, --only=parts or --only=profiles measures a part. --only=http --cases=koa asks the
// servers with koa in their names alone, one soon after the other, and prints the goals that they reach.
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { build, install, main } from '../scripts/steps.mjs'

const page = new URL('../docs/performance.md', import.meta.url)
const begin = '<!-- bench: begin -->'
const end = '<!-- bench: end -->'

const { values: options } = parseArgs({
  options: {
    write: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string' },
    cases: { type: 'string', default: '' },
  },
})

/** With what comes before and after it, one measurement fills one run of the load generator. */
const seconds = 0.7

const report = (text) => process.stderr.write(`${text}\n`)

async function measureAll(plan) {
  const wants = (part) => options.only === undefined || options.only === part
  const { smallCases, largeCases } = await import('./cases.mjs')
  const { measureInTurn } = await import('./rounds.mjs')
  const { measureGrowth } = await import('./growth.mjs')
  const { measureParts } = await import('./parts.mjs')
  const { measureProfiles } = await import('./profiles.mjs')
  const tables = await import('./tables.mjs')
  const targets = await import('./targets.mjs')
  const sections = [tables.conditions(plan)]
  const reached = []
  if (wants('http')) {
    const cases = [...smallCases, ...largeCases].filter(({ id }) => id.includes(options.cases))
    const results = await measureInTurn(cases, plan)
    if (options.cases === '') sections.push(tables.httpTables(smallCases, largeCases, results))
    reached.push(...targets.httpTargets(results))
  }
  if (wants('growth')) {
    const growth = await measureGrowth(plan)
    sections.push(tables.growthTable(growth))
    reached.push(...targets.growthTargets(growth))
  }
  if (wants('parts')) {
    const parts = await measureParts(plan)
    sections.push(tables.codecTable(parts.codec), tables.partsTable(parts))
    reached.push(...targets.partTargets(parts))
  }
  if (wants('profiles')) sections.push(tables.profileTable(await measureProfiles(plan)))
  if (reached.length > 0) sections.push(tables.targetTable(reached))
  return sections.join('\n\n')
}

function write(text) {
  const before = readFileSync(page, 'utf8')
  const from = before.indexOf(begin)
  const to = before.indexOf(end)
  if (from < 0 || to < from) throw new Error(`docs/performance.md has no ${begin} … ${end}`)
  writeFileSync(page, `${before.slice(0, from + begin.length)}\n\n${text}\n\n${before.slice(to)}`)
}

main('bench', () => {
  install()
  build()
})

if (process.exitCode === undefined) {
  const text = await measureAll({ rounds: Number(options.rounds), seconds, report })
  console.log(text)
  if (options.write) write(text)
}
