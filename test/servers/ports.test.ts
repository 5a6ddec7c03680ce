import { expect, test } from 'vitest'
import { freePort } from './ports.ts'

test('who asks for a free port is given one that nobody else was given', async () => {
  // Of 4,000: by chance alone some would come twice.
  const ports = await Promise.all(Array.from({ length: 400 }, freePort))
  expect(new Set(ports).size).toBe(400)
})
