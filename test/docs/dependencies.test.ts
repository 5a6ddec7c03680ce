import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from './pages.ts'

const read = (folder: string, file: string): string =>
  readFileSync(join(root, 'packages', folder, file), 'utf8')

test.each(readdirSync(join(root, 'packages')))(
  'the README of %s gives the reason for each dependency',
  (folder) => {
    const { dependencies = {}, peerDependencies = {} } = JSON.parse(read(folder, 'package.json'))
    const [, section = ''] = read(folder, 'README.md').split('\n## Dependencies\n')
    const rows = [...section.matchAll(/^\| \[?([@\w/-]+)[^|]*\| ([^|]{10,}) \|$/gm)].map(([, name]) => name)
    expect(rows.sort()).toEqual([...Object.keys(dependencies), ...Object.keys(peerDependencies)].sort())
  },
)
