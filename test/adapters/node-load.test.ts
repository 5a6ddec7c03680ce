import { describeLoad } from './load.ts'
import { serveNode } from './node.ts'

describeLoad(serveNode())
