import { describe } from 'vitest'
import { Koa3 } from '../../packages/koa/test/koa.ts'
import { serveKoa } from './koa.ts'
import { describeLoad } from './load.ts'

describe('Koa 3', () => describeLoad(serveKoa(Koa3)))
