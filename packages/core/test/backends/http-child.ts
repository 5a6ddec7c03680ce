import { createServer } from 'node:http'
import { cacheServer, memory } from '@stowage/core'
import { token } from './http-token.ts'

const [, , port] = process.argv
const server = createServer(cacheServer({ backend: memory(), token }))
server.listen(Number(port), '127.0.0.1', () => process.send?.('listening'))
process.on('disconnect', () => process.exit())
