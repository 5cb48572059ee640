/**
 * When the provider says to try again, out of its sentence. A clock time is in the program's local time (so
 * TZ must be the same for it and for us) and without its seconds; the date is named when it is not today's.
 */
export function retryAt(message: string, at: Date): Date | null {
  const time = clockTime(message, at) ?? waitingTime(message, at)
  // A number of any length is a time that no calendar has.
  return time === null || Number.isNaN(time.getTime()) ? null : time
}

const clock =
  /try again (?:at|after|on) (?:([A-Z][a-z]{2})[a-z]* (\d{1,2})(?:st|nd|rd|th)?,? (\d{4}),?(?: at)? )?(\d{1,2}):(\d{2}) ?([AP])M/i
const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const minute = 60_000

function clockTime(message: string, at: Date): Date | null {
  const match = clock.exec(message)
  if (match === null) return null
  const [, month, day, year, hour, minutes, half] = match
  const hours = (Number(hour) % 12) + (half?.toUpperCase() === 'P' ? 12 : 0)
  if (month !== undefined) {
    const index = months.indexOf(month.toLowerCase())
    if (index === -1) return null
    return afterMinute(new Date(Number(year), index, Number(day), hours, Number(minutes)))
  }
  const today = new Date(at.getFullYear(), at.getMonth(), at.getDate(), hours, Number(minutes))
  if (today.getTime() + minute >= at.getTime()) return afterMinute(today)
  return afterMinute(new Date(at.getFullYear(), at.getMonth(), at.getDate() + 1, hours, Number(minutes)))
}

/** The seconds were cut off: at the named minute the limit may still hold, at the next it does not. */
function afterMinute(time: Date): Date {
  return new Date(time.getTime() + minute)
}

const part =
  /\s*(?:and\s+|,\s*)?(\d+(?:\.\d+)?)\s*(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?|d|days?)(?![a-z])/iy
const units: [RegExp, number][] = [
  [/^m(s|illi)/i, 1],
  [/^s/i, 1000],
  [/^m/i, minute],
  [/^h/i, 60 * minute],
  [/^d/i, 24 * 60 * minute],
]

/** `in 1.5s`, `in 3 days 2 hours`: as many parts as there are. */
function waitingTime(message: string, at: Date): Date | null {
  const start = /try again in/i.exec(message)
  if (start === null) return null
  let total: number | null = null
  part.lastIndex = start.index + start[0].length
  for (let match = part.exec(message); match !== null; match = part.exec(message)) {
    const unit = units.find(([name]) => name.test(match?.[2] ?? ''))?.[1] ?? 0
    total = (total ?? 0) + Number(match[1]) * unit
  }
  return total === null ? null : new Date(at.getTime() + Math.ceil(total))
}
