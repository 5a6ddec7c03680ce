// What the shop sells, behind a slow connection: it stands for a database, and it counts the questions it is asked.
import { EventEmitter } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'

const listMs = 150
const itemMs = 120
const writeMs = 50

const firstItems = [
  { id: 1, price: 12, name: { en: 'Teapot', de: 'Teekanne', fr: 'Théière' } },
  { id: 2, price: 30, name: { en: 'Kettle', de: 'Wasserkessel', fr: 'Bouilloire' } },
  { id: 3, price: 4, name: { en: 'Cup', de: 'Tasse', fr: 'Tasse' } },
]

export function createCatalogue() {
  const items = new Map(firstItems.map((item) => [String(item.id), item]))
  const catalogue = {
    changes: new EventEmitter().setMaxListeners(0),
    /** Questions asked so far. Every handler of the shop asks one. */
    asked: 0,
    /** False: it fails, as a database does that is down. */
    online: true,
    list: () => answer(listMs, () => [...items.values()]),
    item: (id) => answer(itemMs, () => items.get(id)),
    greet: (name) => answer(itemMs, () => `Hello, ${name}.`),
    /** Changes a price; undefined where there is no such item. */
    reprice: (id, price) => answer(writeMs, () => change(id, price)),
    /** Rows one after another, as a cursor gives them. */
    async *rows() {
      for (const { id, price, name } of await catalogue.list()) {
        await delay(5)
        yield `${id};${name.en};${price}\n`
      }
    },
  }

  async function answer(ms, find) {
    catalogue.asked += 1
    await delay(ms)
    if (!catalogue.online) throw new Error('the catalogue does not answer')
    return find()
  }

  function change(id, price) {
    const item = items.get(id)
    if (item === undefined) return undefined
    const changed = { ...item, price }
    items.set(id, changed)
    catalogue.changes.emit('change', changed)
    return changed
  }

  return catalogue
}
