/**
 * What is used of Node's modules that make some of their exports when they are first asked for. An import by name has
 * Node evaluate every export, and so load web cryptography, streams of files and more at the start of each process.
 */
export const { createHash, hash, randomBytes, timingSafeEqual } = process.getBuiltinModule('node:crypto')
export const { constants: fileConstants } = process.getBuiltinModule('node:fs')
