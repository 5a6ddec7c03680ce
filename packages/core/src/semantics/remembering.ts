/** Clients can bring any value, so that both the number and the length of those remembered are limited. */
export interface MemoryLimits {
  readonly values: number
  /** Characters. */
  readonly length: number
}

/** The same function of a field value, which reads a value that it remembers only once. */
export const remembering = <T>(read: (value: string) => T, limits: MemoryLimits): ((value: string) => T) => {
  const results = new Map<string, T>()
  return (value) => {
    const known = results.get(value)
    if (known !== undefined) return known
    const result = read(value)
    if (value.length > limits.length) return result
    if (results.size >= limits.values) results.clear()
    results.set(value, result)
    return result
  }
}
