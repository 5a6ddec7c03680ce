import { dirname } from 'node:path'
import { work } from '../../../test/processes/store-work.ts'
import { sqlite } from '../src/index.ts'

const [, , , path = ''] = process.argv
await work(sqlite({ path }), dirname(path))
