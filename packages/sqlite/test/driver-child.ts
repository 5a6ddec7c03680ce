import { chooseDriver } from '../src/driver-choice.ts'
import type { SqliteOptions } from '../src/index.ts'

/** Which library is chosen where the script lies, or why none is. */
const wanted = process.argv[2]
try {
  console.log(JSON.stringify(chooseDriver((wanted === '' ? undefined : wanted) as SqliteOptions['driver'])))
} catch (error) {
  const { code, path, hint, message } = error as Record<string, unknown>
  console.log(JSON.stringify({ code, path, hint, message }))
}
