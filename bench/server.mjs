import { listeners } from './listeners.mjs'
import { serve } from './serve.mjs'

serve(listeners[process.argv[2]]())
