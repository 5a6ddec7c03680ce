import { describe } from 'vitest'
import { fastify5, serveFastify } from './fastify.ts'
import { describeLoad } from './load.ts'

describe('Fastify 5', () => describeLoad(serveFastify(fastify5)))
