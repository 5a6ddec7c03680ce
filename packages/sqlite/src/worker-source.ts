/**
 * The code of `worker.ts`, bundled into one text: the build and the tests put it here. A thread made of a text needs no
 * file beside this one, so the package also works where an application is bundled.
 */
export const workerSource: string = ''
