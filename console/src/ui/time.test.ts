import { expect, it } from 'vitest'
import { dateText, relativeText, timeText, timeTooltip } from './time'

const at = new Date('2026-03-10T23:05:09.123Z')
const after = (seconds: number) => new Date(at.getTime() + seconds * 1000)

it('writes a moment so that no one has to guess the month', () => {
  expect(timeText(at, 'utc')).toBe('2026-03-10 23:05:09')
  expect(dateText(at, 'utc')).toBe('2026-03-10')
  expect(timeText(at, 'local')).toBe(timeText(new Date(at.getTime() - at.getTimezoneOffset() * 60_000), 'utc'))
})

it.each([
  [3, 'just now'], [42, '42 seconds ago'], [60, '1 minute ago'], [3_599, '59 minutes ago'], [7_200, '2 hours ago'], [86_400, 'yesterday'], [5 * 86_400, '5 days ago'], [400 * 86_400, 'last year'], [-3_600, 'in 1 hour'],
])('after %d seconds it was %s', (seconds, text) => expect(relativeText(at, after(seconds))).toBe(text))

it('tells in a tooltip how long ago it was, and UTC', () => expect(timeTooltip(at, after(60))).toBe('1 minute ago · 2026-03-10 23:05:09.123 UTC'))
