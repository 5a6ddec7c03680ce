import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface CodeBlock {
  /** From the root of the repository. */
  readonly page: string
  /** Of the line with the opening fence, from 1. */
  readonly line: number
  readonly language: string
  readonly code: string
  /** Whether `<!-- runnable -->` stands on the line before. */
  readonly runnable: boolean
}

const packageReadmes = readdirSync(join(root, 'packages')).map((folder) =>
  join(root, 'packages', folder, 'README.md'),
)
const docs = readdirSync(join(root, 'docs'))
  .filter((name) => name.endsWith('.md'))
  .map((name) => join(root, 'docs', name))

/** Every page that users read. */
export const pages: readonly string[] = [join(root, 'README.md'), ...packageReadmes, ...docs].sort()

export const nameOf = (page: string): string => relative(root, page).replaceAll('\\', '/')

/** The fenced blocks of a page; a fence is at the start of its line. */
export function blocksOf(page: string): CodeBlock[] {
  const lines = readFileSync(page, 'utf8').split('\n')
  const blocks: CodeBlock[] = []
  let open: { readonly at: number; readonly language: string } | undefined
  for (const [index, text] of lines.entries()) {
    if (!text.startsWith('```')) continue
    if (open === undefined) {
      open = { at: index, language: text.slice(3).trim() }
      continue
    }
    blocks.push({
      page: nameOf(page),
      line: open.at + 1,
      language: open.language,
      code: `${lines.slice(open.at + 1, index).join('\n')}\n`,
      runnable: lines[open.at - 1] === '<!-- runnable -->',
    })
    open = undefined
  }
  if (open !== undefined) throw new Error(`${nameOf(page)}:${open.at + 1}: this block is not closed`)
  return blocks
}

export const allBlocks: readonly CodeBlock[] = pages.flatMap(blocksOf)
