import { usePreferences } from '../preferences'

const two = (number: number) => String(number).padStart(2, '0')

/** 2026-11-21, as the person's days or UTC's. */
export function dateText(at: Date, zone: 'local' | 'utc') {
  return zone === 'utc' ? at.toISOString().slice(0, 10) : `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
}

/** 2026-11-21 07:02:33: no one has to guess which number is the month. */
export function timeText(at: Date, zone: 'local' | 'utc') {
  return zone === 'utc' ? at.toISOString().slice(0, 19).replace('T', ' ') : `${dateText(at, zone)} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
]
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })

/** 5 minutes ago. */
export function relativeText(at: Date, now: Date) {
  const seconds = (at.getTime() - now.getTime()) / 1000
  for (const [unit, length] of steps) if (Math.abs(seconds) >= length) return relative.format(Math.trunc(seconds / length), unit)
  return Math.abs(seconds) < 10 ? 'just now' : relative.format(Math.trunc(seconds), 'second')
}

/** What the tooltip of a time says: how long ago, and when in UTC whichever clock is shown. */
export const timeTooltip = (at: Date, now: Date) => `${relativeText(at, now)} · ${at.toISOString().replace('T', ' ').slice(0, 23)} UTC`

/** The zone whose days and hours are shown, by its IANA name. Finding that is slow: each row of a list does without. */
export function useZone() {
  const { time } = usePreferences()
  return { time, name: time === 'utc' ? 'UTC' : Intl.DateTimeFormat().resolvedOptions().timeZone }
}

/** An address's moment or date as a date-time field shows it: 2026-11-21T07:02. A bare date that ends a range is its last minute. */
export function dateTimeField(text: string, zone: 'local' | 'utc', isEnd: boolean) {
  if (/^\d{4}-\d\d-\d\d$/.test(text)) return text + (isEnd ? 'T23:59' : 'T00:00')
  const at = new Date(text)
  return Number.isNaN(at.getTime()) ? '' : timeText(at, zone).slice(0, 16).replace(' ', 'T')
}

/** The moment that a date-time field means; at the end of a range the minute counts whole. Null while it means none. */
export function readDateTimeField(field: string, zone: 'local' | 'utc', isEnd: boolean): Date | null {
  const at = new Date(zone === 'utc' ? field + 'Z' : field)
  return Number.isNaN(at.getTime()) ? null : new Date(at.getTime() + (isEnd ? 59_999 : 0))
}
