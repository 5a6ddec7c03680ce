import type { MaybePromise } from '@stowage/core'

/** The answer of a backend with every value in it damaged; what carries no value stays as it is. */
export const damageAnswer = (
  answer: MaybePromise<unknown>,
  spot: readonly [number, number],
): MaybePromise<unknown> =>
  answer instanceof Promise
    ? answer.then((settled: unknown) => damageValues(settled, spot))
    : damageValues(answer, spot)

const damageValues = (answer: unknown, spot: readonly [number, number]): unknown => {
  if (typeof answer === 'string') return damageText(answer, spot)
  if (answer instanceof Map) {
    return new Map([...answer].map(([key, value]) => [key, damageValues(value, spot)]))
  }
  if (typeof answer === 'object' && answer !== null && 'value' in answer) {
    return { ...answer, value: damageValues(answer.value, spot) }
  }
  return answer
}

const damageText = (text: string, [place, kind]: readonly [number, number]): string => {
  if (text === '') return '\0'
  const at = Math.floor(place * text.length)
  if (kind < 0.5) return text.slice(0, at)
  return text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ 1) + text.slice(at + 1)
}
