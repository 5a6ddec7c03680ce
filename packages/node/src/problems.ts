import { CacheConfigError, type ConfigProblem } from '@stowage/core'

/**
 * Runs checks that may each throw, and gives what they give.
 *
 * @throws `CacheConfigError` with the problems of all of them at once.
 * @example
 * const [rules, invalidates] = checkAll(() => cache.policy(policy), () => selectorFor(cache, selector))
 */
export const checkAll = <Made extends readonly unknown[]>(
  ...checks: { readonly [At in keyof Made]: () => Made[At] }
): Made => {
  const problems: ConfigProblem[] = []
  const made = checks.map((check) => {
    try {
      return check()
    } catch (error) {
      if (!(error instanceof CacheConfigError)) throw error
      problems.push(...error.problems)
      return undefined
    }
  })
  const [first, ...rest] = problems
  if (first !== undefined) throw new CacheConfigError([first, ...rest])
  // Each of them is what its check gave.
  return made as unknown as Made
}

/**
 * Checks what an adapter is given beside the options of a cache.
 *
 * @throws `CacheConfigError` with `CACHE_CONFIG_TYPE` where it does not fit; `expected` says what would, and `hint` what was
 * probably meant, by default nothing.
 * @example
 * checkFits(typeof listener === 'function', listener, 'cached', 'listener', 'a function')
 */
export const checkFits = (
  fits: boolean,
  received: unknown,
  site: string,
  path: string,
  expected: string,
  hint?: string,
): void => {
  if (fits) return
  const meant = hint === undefined ? '' : ` Did you mean ${hint}?`
  const message = `${site}: ${path} must be ${expected}.${meant}`
  const problem = { code: 'CACHE_CONFIG_TYPE', path, received, message } as const
  throw new CacheConfigError([hint === undefined ? problem : { ...problem, hint }])
}

/**
 * Checks an option of an adapter's own that takes one of several words.
 *
 * @throws `CacheConfigError` with `CACHE_CONFIG_TYPE` for anything else.
 * @example
 * checkOneOf(hook, ['onRequest', 'preHandler'], 'cachePlugin', 'hook')
 */
export const checkOneOf = (
  received: unknown,
  words: readonly [string, ...string[]],
  site: string,
  path: string,
): void => {
  if (words.includes(received as string)) return
  const message = `${site}: ${path} must be ${words.map((word) => `"${word}"`).join(' or ')}.`
  throw new CacheConfigError([{ code: 'CACHE_CONFIG_TYPE', path, received, message, hint: `"${words[0]}"` }])
}
