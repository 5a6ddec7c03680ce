import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { cacheServer, memory } from '@stowage/core'
import { token } from './http-token.ts'

const [, , port = '0'] = process.argv
const server = createServer(cacheServer({ backend: memory(), token }))
server.listen(Number(port), '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
process.on('disconnect', () => process.exit())
