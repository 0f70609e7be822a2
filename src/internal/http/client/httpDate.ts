/**
 * Parses a date of HTTP in one of the three forms of RFC 9110, 5.6.7, and returns epoch milliseconds. The name of the
 * day need not match the date. A year of two digits is the latest such year that is at most 50 years after `now`.
 *
 * @internal
 */
export const parseHttpDate = (text: string, now: number): number | undefined => {
  const full = imfFixdate.exec(text)?.groups ?? asctime.exec(text)?.groups
  if (full !== undefined) return millisOf(full, Number(full["year"]))
  const short = rfc850.exec(text)?.groups
  return short === undefined ? undefined : millisOf(short, fullYear(short, now))
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

const dayName = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
const longDayName = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
const month = `(?<month>${months.join("|")})`
const time = String.raw`(?<hour>[01]\d|2[0-3]):(?<minute>[0-5]\d):(?<second>[0-5]\d|60)`

// Spaces and tabs around the value of a header are not part of it.
const whole = (date: string): RegExp => new RegExp(String.raw`^[ \t]*${date}[ \t]*$`)

const imfFixdate = whole(String.raw`${dayName}, (?<day>\d{2}) ${month} (?<year>\d{4}) ${time} GMT`)
const rfc850 = whole(String.raw`${longDayName}, (?<day>\d{2})-${month}-(?<year>\d{2}) ${time} GMT`)
const asctime = whole(String.raw`${dayName} ${month} (?<day>\d{2}| \d) ${time} (?<year>\d{4})`)

type Parts = Readonly<Record<string, string | undefined>>

const millisOf = (parts: Parts, year: number): number | undefined => {
  const month = months.indexOf(parts["month"] ?? "")
  const day = Number(parts["day"])
  // Refuses days such as the 31st of February, which `Date.UTC` would turn into a day of March.
  if (day < 1 || midnight(year, month, day) >= midnight(year, month + 1, 1)) return undefined
  const [hour, minute, second] = [Number(parts["hour"]), Number(parts["minute"]), Number(parts["second"])]
  return midnight(year, month, day) + ((hour * 60 + minute) * 60 + second) * 1000
}

/** Adds 400 years, after which the calendar repeats, because `Date.UTC` takes the years 0 to 99 for 1900 to 1999. */
const midnight = (year: number, month: number, day: number): number =>
  Date.UTC(year + 400, month, day) - 146_097 * 86_400_000

const fullYear = (parts: Parts, now: number): number => {
  const latest = yearOf(now) + 50
  const year = latest - ((((latest - Number(parts["year"])) % 100) + 100) % 100)
  const isTooLate = year === latest && (millisOf(parts, year - 50) ?? now) > now
  return isTooLate ? year - 100 : year
}

const yearOf = (millis: number): number => {
  let year = 1970 + Math.floor(millis / (365.2425 * 86_400_000))
  while (midnight(year + 1, 0, 1) <= millis) year++
  while (midnight(year, 0, 1) > millis) year--
  return year
}
