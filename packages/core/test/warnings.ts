import { beforeEach, vi } from 'vitest'

/** Keeps what a file's tests let fail on purpose out of the process's warnings. */
export const muteWarnings = (): void => {
  beforeEach(() => {
    const spy = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    return () => spy.mockRestore()
  })
}
