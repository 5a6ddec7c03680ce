/** Text that was cut out of other text keeps all of that in memory; a copy is on its own. */
export const copied = (text: string): string => [text.slice(0, 1), text.slice(1)].join('')
