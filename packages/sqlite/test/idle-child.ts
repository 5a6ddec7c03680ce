import { sqlite } from '../src/index.ts'

/** Uses the store, begins one more write, closes nothing, and has nothing else to do. */
const store = sqlite({ path: process.argv[2] ?? '' })
await store.set('key', 'value', 60)
console.log(JSON.stringify(await store.get('key')))
void store.set('late', 'stored', 60)
