import type { Timeline } from '../api/types'

export type Bucket = Timeline['buckets'][number]

/** A round number that is at least `most`, and how far its marks stand apart: 1, 2 or 5 times a power of ten. */
export function scale(most: number): { top: number; step: number } {
  const rough = Math.max(most, 1) / 3
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)))
  const step = [1, 2, 5, 10].map((times) => times * power).find((one) => one >= rough)!
  return { top: Math.ceil(Math.max(most, 1) / step) * step, step }
}

const lengths: Record<string, number> = { '1m': 60_000, '1h': 3_600_000, '1d': 86_400_000 }

/** Where a bucket ends: where the next one begins. */
export function endOf({ bucket, buckets }: Timeline, index: number): Date {
  const next = buckets[index + 1]
  return next ? new Date(next.start) : new Date(new Date(buckets[index]!.start).getTime() + lengths[bucket]!)
}

/** The range of time of some buckets, as a filter says it: its end is the last millisecond that counts. One up to now has no end. */
export function rangeOf(timeline: Timeline, from: number, to: number, now: number): { from: string; to: string } {
  const [first, last] = from <= to ? [from, to] : [to, from]
  const end = endOf(timeline, last).getTime()
  return { from: new Date(timeline.buckets[first]!.start).toISOString(), to: end > now ? '' : new Date(end - 1).toISOString() }
}

/** Which buckets have a mark on the axis, at most so many and evenly apart; hours and minutes are round ones. */
export function marks({ bucket, buckets }: Timeline, most: number, zone: string): number[] {
  const steps = { '1m': [1, 2, 5, 10, 15, 30, 60], '1h': [1, 2, 3, 6, 12, 24, 48], '1d': [1, 2, 7, 14, 30, 60, 90, 180, 365] }[bucket] ?? [1]
  const step = steps.find((one) => buckets.length / one <= Math.max(most, 1)) ?? steps.at(-1)!
  if (bucket === '1d') return buckets.flatMap((_, index) => (index % step === 0 ? [index] : []))
  const clock = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: 'numeric', minute: 'numeric', hourCycle: 'h23' })
  return buckets.flatMap(({ start }, index) => {
    const [hour = 0, minute = 0] = clock.format(new Date(start)).split(':').map(Number)
    const isRound = bucket === '1m' ? (hour * 60 + minute) % step === 0 : minute === 0 && (step <= 24 ? hour % step === 0 : hour === 0 && Math.floor(index / 24) % (step / 24) === 0)
    return isRound ? [index] : []
  })
}

/** 07:05, or Nov 21 where a day begins. */
export function markText(bucket: string, at: Date, zone: string): string {
  const time = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(at)
  return bucket === '1d' || time === '00:00' ? new Intl.DateTimeFormat('en', { timeZone: zone, month: 'short', day: 'numeric' }).format(at) : time
}
