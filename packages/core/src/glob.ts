const star = 0x2a
const anyOne = 0x3f

/**
 * Whether all of `text` matches `pattern`: `*` is any run of characters, `?` any one character, everything else itself.
 * Two positions and one point to return to: at worst pattern length × text length steps, however many stars there are.
 *
 * @example
 * matchesGlob('user:*:profile', 'user:7:profile')   // true
 */
export const matchesGlob = (pattern: string, text: string): boolean => {
  let p = 0
  let t = 0
  let afterStar = -1
  let resume = 0
  while (t < text.length) {
    const expected = p < pattern.length ? pattern.charCodeAt(p) : -1
    if (expected === star) {
      afterStar = ++p
      resume = t
    } else if (expected === anyOne) {
      p++
      t += characterLength(text, t)
    } else if (expected === text.charCodeAt(t)) {
      p++
      t++
    } else if (afterStar >= 0) {
      // Only the latest star can have to take more: what an earlier one gave up, this one can take.
      p = afterStar
      t = ++resume
    } else {
      return false
    }
  }
  while (pattern.charCodeAt(p) === star) p++
  return p === pattern.length
}

/** 2 for a surrogate pair, which is one character to whoever wrote the pattern. */
const characterLength = (text: string, index: number): 1 | 2 =>
  (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1
