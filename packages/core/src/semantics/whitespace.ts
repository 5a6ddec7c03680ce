const isOws = (code: number): boolean => code === 0x20 || code === 0x09

/**
 * The text between two indexes without the optional whitespace at its ends (RFC 9110 §5.6.3): spaces and tabs only,
 * for everything else that `trim` drops can be part of a value.
 */
export const trimOws = (text: string, start = 0, end: number = text.length): string => {
  let from = start
  let to = end
  while (from < to && isOws(text.charCodeAt(from))) from += 1
  while (to > from && isOws(text.charCodeAt(to - 1))) to -= 1
  return text.slice(from, to)
}
