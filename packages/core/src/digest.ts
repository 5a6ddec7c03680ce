import { hash } from './builtin.ts'

export const sha256 = (text: string | Buffer): string => hash('sha256', text, 'hex')
