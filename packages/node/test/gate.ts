/** A promise and the means to keep it. */
interface Gate<T> {
  readonly passed: Promise<T>
  readonly open: (value: T) => void
}

export const createGate = <T = void>(): Gate<T> => {
  let open: (value: T) => void = () => undefined
  const passed = new Promise<T>((resolve) => {
    open = resolve
  })
  return { passed, open: (value) => open(value) }
}
