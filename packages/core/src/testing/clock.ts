/**
 * A clock that stands still until it is told otherwise; to be given wherever an option `clock` is taken.
 *
 * @example
 * const clock: FakeClock = fakeClock()
 * const store = memory({ clock })
 */
export interface FakeClock {
  /** Milliseconds since the epoch. */
  (): number
  /** The same. */
  now(): number
  /** Forward by `ms` milliseconds. */
  advance(ms: number): void
  /** To `ms` milliseconds since the epoch. */
  set(ms: number): void
}

/**
 * Starts at 1 January 2030 UTC, or at `start` milliseconds since the epoch.
 *
 * @example
 * const clock = fakeClock()
 * const store = memory({ clock })
 * store.set('a', '1', 60)
 * clock.advance(60_000)
 * store.get('a')   // null
 */
export const fakeClock = (start = Date.UTC(2030, 0, 1)): FakeClock => {
  let present = start
  const now = (): number => present
  return Object.assign(() => present, {
    now,
    advance: (ms: number): void => {
      present += ms
    },
    set: (ms: number): void => {
      present = ms
    },
  })
}
