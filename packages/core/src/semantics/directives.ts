import { isToken, splitList } from './fields.ts'

/** The greatest number of seconds told apart; it stands for infinity (RFC 9111 §1.2.2). */
export const maxDeltaSeconds = 2 ** 31

const digits = /^[0-9]+$/

/**
 * RFC 9111 §1.2.2: a non-negative integer in seconds; anything above 2^31 is 2^31. Undefined for everything that is
 * not made of digits alone.
 */
export const parseDeltaSeconds = (text: string): number | undefined =>
  digits.test(text) ? Math.min(Number(text), maxDeltaSeconds) : undefined

/** An element that matches the grammar: the name in lower case, the argument without its quotes. */
export interface Directive {
  readonly name: string
  readonly argument: string | undefined
  readonly quoted: boolean
}

/** What a value in the syntax of Cache-Control holds, and the places where damage may hide a directive. */
export interface DirectiveList {
  readonly directives: readonly Directive[]
  readonly damaged: boolean
  /** The value holds a character that no directive is made of, so that any name may have been there. */
  readonly unreadable: boolean
  /** Whether a damaged element contains the name, given as its letters. */
  readonly mayName: (letters: string) => boolean
  /** Whether a quoted argument contains the name as a word, given as its letters. */
  readonly quotes: (letters: string) => boolean
}

const lettersOnly = /^[a-z]*$/

/** The letters of a name in lower case: `No_Store`, `nostore` and `no-store` are then the same. */
export const lettersOf = (name: string): string =>
  lettersOnly.test(name) ? name : name.toLowerCase().replace(/[^a-z]+/g, '')

const quotedString = /^"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"$/

const unquote = (text: string): string => text.slice(1, -1).replace(/\\(.)/g, '$1')

/** RFC 9111 §5.2: `token [ "=" ( token / quoted-string ) ]`; undefined where the element is anything else. */
const readDirective = (element: string): Directive | undefined => {
  const equals = element.indexOf('=')
  const written = equals < 0 ? element : element.slice(0, equals)
  if (!isToken(written)) return undefined
  const name = written.toLowerCase()
  if (equals < 0) return { name, argument: undefined, quoted: false }
  const argument = element.slice(equals + 1)
  if (isToken(argument)) return { name, argument, quoted: false }
  return quotedString.test(argument) ? { name, argument: unquote(argument), quoted: true } : undefined
}

const unreadable = /[^\t\x20-\x7e]/

/** The letters of all damaged elements, a line each: one text keeps the search linear however many there are. */
const lettersOfAll = (elements: readonly string[]): string =>
  elements
    .join('\n')
    .toLowerCase()
    .replace(/[^a-z\n]+/g, '')

/** The letters of the words in quoted arguments, with a comma before and after each. */
const wordsOfAll = (quoted: readonly string[]): string =>
  `,${quoted.join(',')},`
    .toLowerCase()
    .replace(/[^!#$%&'*+.^_`|~0-9a-z-]+/g, ',')
    .replace(/[^a-z,]+/g, '')

/**
 * RFC 9111 §5.2: the directives of a value. An element from which none can be read is not dropped, as §5.2.3 would
 * allow, but kept for a search: a restriction in it is still meant to restrict. So is a quoted argument, because two
 * damaged elements may have put quotes around an intact one.
 */
export const readDirectives = (value: string): DirectiveList => {
  const directives: Directive[] = []
  const damaged: string[] = []
  const quoted: string[] = []
  for (const element of splitList(value)) {
    const directive = readDirective(element)
    if (directive === undefined) damaged.push(element)
    else directives.push(directive)
    if (directive?.quoted === true) quoted.push(directive.argument ?? '')
  }
  const letters = lettersOfAll(damaged)
  const words = wordsOfAll(quoted)
  return {
    directives,
    damaged: damaged.length > 0,
    // Such text may stand in a quoted-string; but no sender means it, and it would hide what was lost there.
    unreadable: unreadable.test(value),
    mayName: (name) => letters.includes(name),
    quotes: (name) => words.includes(`,${name},`),
  }
}
