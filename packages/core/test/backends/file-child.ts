import { work } from '../../../../test/processes/store-work.ts'
import { readFileOptions } from '../../src/backends/file-options.ts'
import { FileStore } from '../../src/backends/file-store.ts'
import { disk } from '../../src/backends/file-system.ts'

const [, , , directory = ''] = process.argv
// A log is begun anew every few hundred invalidations.
await work(new FileStore(readFileOptions({ directory }), disk, { compactAbove: 8000 }), directory)
