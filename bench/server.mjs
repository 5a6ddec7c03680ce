import { listeners } from './listeners.mjs'
import { serve } from './serve.mjs'

serve(await listeners[process.argv[2]]())
