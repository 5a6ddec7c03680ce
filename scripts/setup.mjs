// Before npm start and npm run demo: dependencies installed, packages built.
import { build, install, main } from './steps.mjs'

main('setup', () => {
  install()
  build()
})
