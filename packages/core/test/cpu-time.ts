/** Milliseconds of processor time, the least of several runs: what other processes do meanwhile does not count. */
export const cpuTime = (run: () => void, times = 5): number => {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < times; i++) {
    const before = process.cpuUsage()
    run()
    const { user, system } = process.cpuUsage(before)
    least = Math.min(least, (user + system) / 1000)
  }
  return least
}
