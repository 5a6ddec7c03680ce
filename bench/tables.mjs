// Results as Markdown.
import { generator } from './pinned.mjs'
import { median } from './rounds.mjs'

const one = (number) => number.toFixed(1)
const two = (number) => number.toFixed(2)
const whole = (number) => Math.round(number).toLocaleString('en')

function table(head, rows) {
  const cells = [head, head.map((_, column) => (column === 0 ? '---' : '--:')), ...rows]
  return cells.map((row) => `| ${row.join(' | ')} |`).join('\n')
}

/** The median of a figure of two cases, compared round by round. */
export const paired = (results, id, base, compare) => {
  const { cpu } = results.get(id)
  return median(cpu.map((value, round) => compare(value, results.get(base).cpu[round])))
}

export const ratio = (a, b) => a / b
export const difference = (a, b) => a - b

function httpTable(title, cases, floor, results) {
  const rows = cases.map(({ id, name }) => {
    const { cpu, rate } = results.get(id)
    return [name, one(median(cpu)), two(paired(results, id, floor, ratio)), whole(median(rate))]
  })
  return table([title, 'CPU µs/request', '× floor', 'requests/s'], rows)
}

export const httpTables = (smallCases, largeCases, results) =>
  [
    httpTable('1.2 KB JSON', smallCases, 'floor', results),
    httpTable('62 KB JSON', largeCases, 'large floor', results),
  ].join('\n\n')

export function growthTable({ sizes, facts, hits }) {
  const rows = sizes.map((count) => {
    const { lookup, invalidate, bytes } = facts.get(count)
    const hot = hits.get(`${count} hot`)
    return [
      whole(count),
      one(median(hits.get(`${count} even`).cpu)),
      hot === undefined ? '' : one(median(hot.cpu)),
      one(lookup / 1000),
      one(invalidate * 1000),
      two(bytes / 1024),
    ]
  })
  const head = [
    'entries (1 KB)',
    'hit, all alike',
    'hit, 1,000 of them',
    'lookup alone',
    'invalidate a tag of all',
  ]
  return table([...head.map((name, i) => (i === 0 ? name : `${name}, µs`)), 'KB of heap each'], rows)
}

/** By whose code: the packages core and node, the adapter, what stands around them. */
const owners = [
  'system, V8',
  'Node',
  'garbage',
  'framework',
  'handler',
  'core',
  'node',
  'adapter',
  'lru-cache',
]

export const profileTable = (profiles) =>
  table(
    ['CPU µs/request', 'all', ...owners],
    profiles.map(({ name, cpu, shares }) => [
      name,
      ...[cpu, ...owners.map((owner) => cpu * (shares[owner] ?? 0))].map(one),
    ]),
  )

const gigabytes = (bytes, nanoseconds) => two(bytes / nanoseconds)

export const codecTable = (codec) =>
  table(
    ['body, ASCII', 'encode, µs', 'decode, µs', 'encode, GB/s', 'decode, GB/s'],
    codec.map(({ kilobytes, bytes, encode, decode }) => [
      `${kilobytes} KB`,
      one(encode / 1000),
      one(decode / 1000),
      gigabytes(bytes, encode),
      gigabytes(bytes, decode),
    ]),
  )

export const partsTable = ({ lookups, insertions, startup }) =>
  table(
    ['alone', 'time'],
    [
      ['key of a request', `${whole(lookups.key)} ns`],
      ['lookup that hits', `${whole(lookups.hit)} ns`],
      ['lookup answered by 304', `${whole(lookups.notModified)} ns`],
      ['insertion into a full memory, first tenth', `${one(insertions[0])} µs`],
      ['insertion into a full memory, last tenth', `${one(insertions.at(-1))} µs`],
      ['import beyond that of Express', `${one(startup)} ms`],
    ],
  )

export const targetTable = (targets) =>
  table(
    ['goal', 'at most', 'measured', ''],
    targets.map(({ goal, atMost, measured, digits = 2 }) => [
      goal,
      atMost.toFixed(digits),
      measured.toFixed(digits),
      measured <= atMost ? 'holds' : '**does not hold**',
    ]),
  )

export const conditions = ({ rounds, seconds }) =>
  `Node ${process.versions.node.split('.')[0]}, ${generator}, medians of ${rounds} rounds of ${seconds} s.`
