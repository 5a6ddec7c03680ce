import { parentPort, workerData } from 'node:worker_threads'
import type { Call, DatabaseSettings, Report } from './calls.ts'
import { Schedule } from './database/schedule.ts'
import { Session } from './database/session.ts'

/** What waits when the backend is closed has so long to be carried out. */
const farewellMs = 2000

/** The thread that owns the database: calls in, reports out, until it is told to close. */
const serve = (port: NonNullable<typeof parentPort>): void => {
  const session = new Session(workerData as DatabaseSettings)
  const schedule = new Schedule(session, (report: Report) => port.postMessage(report))
  port.on('message', (calls: readonly Call[] | 'close') => {
    if (calls !== 'close') schedule.take(calls)
    else
      void schedule.finish(farewellMs).then(() => {
        session.close()
        port.close()
      })
  })
}

if (parentPort !== null) serve(parentPort)
