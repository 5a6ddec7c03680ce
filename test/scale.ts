/** Whether the bigger sizes were asked for (`npm run test:full`). */
export const full: boolean = process.env.STOWAGE_FULL === '1'

/** The size of a test: `normal` for every run, `large` where the bigger sizes were asked for. */
export const scaled = (normal: number, large: number): number => (full ? large : normal)
