const months: ReadonlyMap<string, number> = new Map(
  ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'].map((name, index) => [
    name,
    index,
  ]),
)

const imfFixdate =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?<day>\d\d) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) (?<time>\d\d:\d\d:\d\d) GMT$/
const rfc850Date =
  /^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?<day>\d\d)-(?<month>[A-Z][a-z]{2})-(?<year>\d\d) (?<time>\d\d:\d\d:\d\d) GMT$/
const asctimeDate =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?<month>[A-Z][a-z]{2}) (?<day>\d\d| \d) (?<time>\d\d:\d\d:\d\d) (?<year>\d{4})$/

/** The longest is an rfc850-date on a Wednesday. */
const longestDate = 33

/** A calendar of 400 years repeats exactly. Counting one later keeps Date.UTC from reading 0 to 99 as 19xx. */
const cycleYears = 400
const cycleMs = 146_097 * 86_400_000

const utc = (year: number, month: number, day: number, seconds: number): number =>
  Date.UTC(year + cycleYears, month, day) - cycleMs + seconds * 1000

const daysInMonth = (year: number, month: number): number => new Date(utc(year, month + 1, 0, 0)).getUTCDate()

/** Seconds since midnight; 60 is a leap second. */
const secondsOfDay = (time: string): number | undefined => {
  const hour = Number(time.slice(0, 2))
  const minute = Number(time.slice(3, 5))
  const second = Number(time.slice(6, 8))
  return hour > 23 || minute > 59 || second > 60 ? undefined : (hour * 60 + minute) * 60 + second
}

/** RFC 9110 §5.6.7: a two-digit year more than 50 years ahead is the latest past year that ends in those digits. */
const fullYear = (digits: number, now: number, at: (year: number) => number): number => {
  const today = new Date(now)
  const year = Math.floor(today.getUTCFullYear() / 100) * 100 + digits
  return at(year) > today.setUTCFullYear(today.getUTCFullYear() + 50) ? year - 100 : year
}

/**
 * RFC 9110 §5.6.7: the time that an HTTP-date names, in milliseconds since 1970, or undefined where it is no valid date
 * in one of the three formats. The name of the day is not compared with the date. `now` decides about two-digit years.
 */
export const parseHttpDate = (value: string, now: number = Date.now()): number | undefined => {
  if (value.length > longestDate) return undefined
  const parts = (imfFixdate.exec(value) ?? rfc850Date.exec(value) ?? asctimeDate.exec(value))?.groups
  if (parts === undefined) return undefined
  const month = months.get(parts.month ?? '')
  const seconds = secondsOfDay(parts.time ?? '')
  if (month === undefined || seconds === undefined) return undefined
  const day = Number(parts.day)
  const digits = parts.year ?? ''
  const year =
    digits.length === 2
      ? fullYear(Number(digits), now, (full) => utc(full, month, day, seconds))
      : Number(digits)
  if (day < 1 || day > daysInMonth(year, month)) return undefined
  return utc(year, month, day, seconds)
}

/** What four digits of a year can express. */
const firstTime = utc(0, 0, 1, 0)
const lastTime = utc(10_000, 0, 1, 0) - 1000

/** RFC 9110 §5.6.7: an IMF-fixdate, whole seconds rounded down; a time out of its range becomes the nearest in it. */
export const formatHttpDate = (ms: number): string =>
  new Date(
    Number.isNaN(ms) ? 0 : Math.min(Math.max(Math.floor(ms / 1000) * 1000, firstTime), lastTime),
  ).toUTCString()
