/** Nearly always there is one Fastify: its symbols are found once. */
const found = new Map<string, symbol>()

/** The symbol under which Fastify keeps what it has no public way to. */
export const symbolIn = (owner: object, description: string): symbol | undefined => {
  const known = found.get(description)
  if (known !== undefined && known in owner) return known
  const symbol = Object.getOwnPropertySymbols(owner).find((each) => each.description === description)
  if (symbol !== undefined) found.set(description, symbol)
  return symbol
}
