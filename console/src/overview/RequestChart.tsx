import type { Timeline } from '../api/types'
import { counted } from '../ui/text'
import { timeText, useZone } from '../ui/time'
import styles from './RequestChart.module.css'

const height = 96

/** Requests in each stretch of time: those that failed stand on those that did not. */
export function RequestChart({ timeline }: { timeline: Timeline }) {
  const { time } = useZone()
  const { buckets } = timeline
  const most = Math.max(1, ...buckets.map((bucket) => bucket.total))
  const total = buckets.reduce((sum, bucket) => sum + bucket.total, 0)
  const first = buckets[0]
  const last = buckets.at(-1)
  if (!first || !last) return null
  return (
    <figure className={styles.figure}>
      <svg viewBox={`0 0 ${buckets.length} ${height}`} preserveAspectRatio="none" className={styles.chart} role="img" aria-label={`${counted(total, 'request')} from ${timeText(new Date(first.start), time)} to ${timeText(new Date(last.start), time)}, at most ${counted(most, 'request')} at once`}>
        {buckets.map((bucket, index) => {
          const good = bucket.by_status.success ?? 0
          const tall = (count: number) => (count / most) * height
          return (
            <g key={bucket.start}>
              <rect className={styles.good} x={index + 0.1} width={0.8} y={height - tall(good)} height={tall(good)} />
              <rect className={styles.bad} x={index + 0.1} width={0.8} y={height - tall(bucket.total)} height={tall(bucket.total - good)} />
              <title>{`${timeText(new Date(bucket.start), time)}: ${counted(bucket.total, 'request')}, ${bucket.total - good} failed`}</title>
            </g>
          )
        })}
      </svg>
      <figcaption className={styles.caption}>
        <span>{timeText(new Date(first.start), time).slice(0, 16)}</span>
        <span>{timeText(new Date(last.start), time).slice(0, 16)}</span>
      </figcaption>
    </figure>
  )
}
