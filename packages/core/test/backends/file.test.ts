import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { backendConformance, fakeClock } from '@stowage/core/testing'
import { describe, test } from 'vitest'
import { file } from '../../src/backends/file.ts'

describe('file', () => {
  backendConformance(
    async () => {
      const directory = await mkdtemp(join(tmpdir(), 'stowage-file-'))
      const clock = fakeClock()
      const cleanup = () => rm(directory, { recursive: true })
      return { backend: file({ directory, clock }), clock, cleanup }
    },
    { test },
  )
})
