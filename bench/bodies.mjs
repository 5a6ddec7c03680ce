/** A list whose JSON is about `bytes` long: the answer of a typical API. */
function listing(bytes) {
  const items = []
  for (let id = 1; JSON.stringify({ items }).length < bytes - 90; id += 1)
    items.push({ id, name: `Article ${id}`, price: id * 1.25, inStock: id % 3 !== 0, tags: ['new', 'sale'] })
  return { items, next: null }
}

export const small = listing(1200)
export const large = listing(62_000)
