/**
 * Whether the engine gives an object a hidden class of its own once its prototype has been changed: V8 before 13, which
 * is Node 20 and 22.
 */
const separates = Number.parseInt(process.versions.v8 ?? '', 10) < 13

/**
 * Express changes the prototype of every request and response. From then on each of them has a hidden class that no
 * other shares: every property that is added makes one more, no inline cache ever hits, and the garbage of one request
 * outlives thousands of others. An object that has lost a property is kept as a table instead, and tables share their
 * classes; so one own property is taken away and put back. It halves what Express costs.
 */
export const shareShape = <T extends object>(target: T, property: keyof T): void => {
  if (!separates || !Object.hasOwn(target, property)) return
  const value = target[property]
  delete target[property]
  target[property] = value
}
