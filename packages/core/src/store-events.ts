import type { ErrorCode } from './events.ts'
import type { CircuitChange, GuardedStore } from './guarded.ts'
import type { Reports } from './reports.ts'

/** That the store is given up for a while is an error, once; every change is an event. */
const tellOfCircuit = (reports: Reports, change: CircuitChange): void => {
  if (change.previous === 'closed') reports.error('BACKEND_CIRCUIT', 'circuit', change.cause)
  reports.emit('circuit', change)
}

const codeOf = (operation: string): ErrorCode =>
  operation.startsWith('set') ? 'BACKEND_WRITE' : 'BACKEND_READ'

/** Reports what befalls a store beside the calls that are made to it; the function returned stops that. */
export const tellOfStore = (guarded: GuardedStore, reports: Reports): (() => void) => {
  const stops = [
    guarded.onCircuit((change) => tellOfCircuit(reports, change)),
    guarded.onAbsorbed?.((operation, error) => reports.error(codeOf(operation), operation, error)),
  ]
  return () => {
    for (const stop of stops) stop?.()
  }
}
