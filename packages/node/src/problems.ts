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
