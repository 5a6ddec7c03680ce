/** A value that tells its key, and that is whole only as a whole. */
export const markedValue = (key: string, salt: string, length: number): string => {
  const head = `${key}|${salt}|${length}|`
  return `${head}${salt.repeat(Math.ceil(length / salt.length)).slice(0, length)}|end`
}

export const isMarkedFor = (key: string, value: string): boolean => {
  const [, salt = '', length = ''] = value.split('|')
  return salt !== '' && value === markedValue(key, salt, Number(length))
}
