import { describe } from 'vitest'
import { express4, express5, serveExpress } from './express.ts'
import { describeLoad } from './load.ts'

describe('Express 5', () => describeLoad(serveExpress(express5)))

describe('Express 4', () => describeLoad(serveExpress(express4)))
