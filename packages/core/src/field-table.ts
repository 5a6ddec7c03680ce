/** A field map while it is filled. */
export type FieldTable = Record<string, string | readonly string[]>

/**
 * Nothing is inherited, so that no field name means anything else. V8 keeps what `Object.create(null)` makes as a hash
 * table, which is slow to go over; what a constructor makes it keeps as it keeps a literal.
 */
function Table(): void {}
Table.prototype = Object.freeze(Object.create(null))

const Fields = Table as unknown as new () => FieldTable

/** A field map without a field. */
export const newFieldTable = (): FieldTable => new Fields()
