/** In UTF-8 all surrogates that stand alone are one: two keys would be the same, and a value another. */
const alone = /\uffff|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g
const mark = '\uffff'
const marked = /\uffff(d[89a-f][0-9a-f]{2}|ffff)/g

const isWhole = (text: string): boolean => (text as unknown as { isWellFormed(): boolean }).isWellFormed()

/** A text as it is sent: what UTF-8 does not have as its number behind a mark. */
export const written = (text: string): string =>
  isWhole(text) && !text.includes(mark)
    ? text
    : text.replace(alone, (half) => mark + half.charCodeAt(0).toString(16).padStart(4, '0'))

/** The text that was written. */
export const readBack = (sent: string): string =>
  sent.includes(mark)
    ? sent.replace(marked, (_all, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    : sent
