/**
 * What this package constructs of node:http. An import by name would have Node evaluate every export of that module
 * that is made when first asked for: 20 ms at the start of each process, from Node 22 on.
 */
export const { IncomingMessage, ServerResponse, STATUS_CODES } = process.getBuiltinModule('node:http')
