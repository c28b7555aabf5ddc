import { describe, expect, it } from 'vitest'
import type { Timeline } from '../api/types'
import { markText, marks, rangeOf, scale } from './chart'

const tokens = { prompt: 0, completion: 0, total: 0 }
const course = (bucket: string, from: string, stepMs: number, count: number): Timeline => ({
  bucket,
  buckets: Array.from({ length: count }, (_, index) => ({ start: new Date(Date.parse(from) + index * stepMs).toISOString(), total: 0, by_status: {}, tokens })),
})

describe('the scale of a chart', () => {
  it.each([[0, 1, 1], [1, 1, 1], [3, 3, 1], [4, 4, 2], [235, 300, 100], [1_001, 1_500, 500], [98_000, 100_000, 50_000]])('for %i ends at %i in steps of %i', (most, top, step) => {
    expect(scale(most)).toEqual({ top, step })
  })
})

describe('a range drawn on the chart', () => {
  const hours = course('1h', '2026-03-10T08:00:00Z', 3_600_000, 5)
  const now = Date.parse('2026-03-10T12:30:00Z')

  it('is that of whole bars, from either side', () => {
    const range = { from: '2026-03-10T09:00:00.000Z', to: '2026-03-10T10:59:59.999Z' }
    expect(rangeOf(hours, 1, 2, now)).toEqual(range)
    expect(rangeOf(hours, 2, 1, now)).toEqual(range)
  })

  it('has no end when it reaches up to now, so that what comes is in it', () => {
    expect(rangeOf(hours, 3, 4, now)).toEqual({ from: '2026-03-10T11:00:00.000Z', to: '' })
  })
})

describe('the marks of an axis', () => {
  it('are at round hours of the zone', () => {
    const day = course('1h', '2026-03-09T23:00:00Z', 3_600_000, 24)
    expect(marks(day, 5, 'Europe/Berlin').map((index) => markText('1h', new Date(day.buckets[index]!.start), 'Europe/Berlin'))).toEqual(['Mar 10', '06:00', '12:00', '18:00'])
  })

  it('name days while bars are days', () => {
    const month = course('1d', '2026-02-20T00:00:00Z', 86_400_000, 20)
    expect(marks(month, 3, 'UTC').map((index) => markText('1d', new Date(month.buckets[index]!.start), 'UTC'))).toEqual(['Feb 20', 'Feb 27', 'Mar 6'])
  })

  it('are none for no bars', () => {
    expect(marks(course('1h', '2026-03-10T00:00:00Z', 1, 0), 5, 'UTC')).toEqual([])
  })
})
