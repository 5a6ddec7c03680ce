import { adapterConformance } from '@stowage/core/testing'
import { describe, test } from 'vitest'
import { express5, serveExpress } from './express.ts'

describe('Express 5 on memory', () => {
  adapterConformance(serveExpress(express5), { test })
})
