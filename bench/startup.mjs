// Prints the milliseconds that importing the middleware and the memory backend takes beyond importing Express.
await import('express')
const start = performance.now()
await import('@stowage/express')
await import('@stowage/core')
console.log(JSON.stringify(performance.now() - start))
