import { GraphIcon, TableIcon } from '@primer/octicons-react'
import { Button } from '@primer/react'
import { useId, useLayoutEffect, useRef, useState, type KeyboardEvent, type PointerEvent } from 'react'
import type { RequestStatus, Timeline } from '../api/types'
import { Table, type Column } from '../ui/Table'
import { counted, grouped, short } from '../ui/text'
import { timeText, useZone } from '../ui/time'
import { endOf, markText, marks, rangeOf, scale, type Bucket } from './chart'
import styles from './RequestChart.module.css'
import { statuses, statusNames } from './statuses'

const [height, axis, left] = [112, 20, 40]

/** What a status looks like: a colour, and stripes of its own for who does not tell colours apart. Success, by far the most, is plain. */
const fillOf = (status: RequestStatus) => (status === 'success' ? undefined : `url(#stripes-${status})`)

/** The stripes, once on a page. */
function Stripes() {
  return (
    <svg width={0} height={0} className={styles.stripes} aria-hidden="true">
      <defs>
        <pattern id="stripes-error" width={4} height={4} patternUnits="userSpaceOnUse">
          <rect width={4} height={4} className={styles.error} />
          <path d="M-1 1 1 -1M0 4 4 0M3 5 5 3" className={styles.stripe} />
        </pattern>
        <pattern id="stripes-timeout" width={3} height={3} patternUnits="userSpaceOnUse">
          <rect width={3} height={3} className={styles.timeout} />
          <path d="M2.5 0V3" className={styles.stripe} />
        </pattern>
      </defs>
    </svg>
  )
}

const countOf = (bucket: Bucket, status: RequestStatus) => bucket.by_status[status] ?? 0

/**
 * Requests over time by status. A range is set by drawing over it, with the arrow keys, or in the table that says the same.
 * @param until - The moment up to which it was counted.
 */
export function RequestChart({ timeline, until, isBusy = false, onRange }: { timeline: Timeline; until: number; isBusy?: boolean; onRange: (range: { from: string; to: string }) => void }) {
  const [isTable, setTable] = useState(false)
  const total = (status: RequestStatus) => timeline.buckets.reduce((sum, bucket) => sum + countOf(bucket, status), 0)
  return (
    <section className={styles.section} aria-label="Requests over time" aria-busy={isBusy}>
      <Stripes />
      <div className={styles.head}>
        <h2 className={styles.title}>Requests over time</h2>
        <ul className={styles.legend} aria-label="Colours">
          {statusNames.map((status) => (
            <li key={status}>
              <svg width={10} height={10} aria-hidden="true"><rect width={10} height={10} rx={2} className={styles.success} style={{ fill: fillOf(status) }} /></svg>
              {statuses[status].label} <span className={styles.number}>{short(total(status))}</span>
            </li>
          ))}
        </ul>
        <Button size="small" variant="invisible" leadingVisual={isTable ? GraphIcon : TableIcon} onClick={() => setTable(!isTable)}>
          {isTable ? 'Show chart' : 'Show table'}
        </Button>
      </div>
      {isTable ? <Numbers timeline={timeline} until={until} onRange={onRange} /> : <Bars timeline={timeline} until={until} onRange={onRange} />}
    </section>
  )
}

interface Ranged {
  timeline: Timeline
  until: number
  onRange: (range: { from: string; to: string }) => void
}

function Bars({ timeline, until, onRange }: Ranged) {
  const zone = useZone()
  const help = useId()
  const frame = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(0)
  /** The bar that the pointer or the keyboard is at, and the one that a selection began with. */
  const [at, setAt] = useState<number | null>(null)
  const [anchor, setAnchor] = useState<number | null>(null)
  const isDrawing = useRef(false)

  useLayoutEffect(() => {
    const element = frame.current!
    const observer = new ResizeObserver(() => setWidth(element.clientWidth))
    observer.observe(element)
    setWidth(element.clientWidth)
    return () => observer.disconnect()
  }, [])

  const { buckets } = timeline
  const wide = Math.max(width - left, 1) / Math.max(buckets.length, 1)
  const { top, step } = scale(Math.max(0, ...buckets.map((bucket) => bucket.total)))
  const y = (count: number) => height - (count / top) * (height - 8)
  const here = at === null ? null : Math.min(at, buckets.length - 1)
  const [from, to] = here === null ? [0, -1] : anchor === null ? [here, here] : [Math.min(anchor, here), Math.max(anchor, here)]
  const gap = wide > 6 ? 2 : wide > 3 ? 1 : 0

  function choose(first: number, last: number) {
    setAnchor(null)
    setAt(null)
    onRange(rangeOf(timeline, first, last, until))
  }

  const barAt = (event: PointerEvent) => Math.max(0, Math.min(buckets.length - 1, Math.floor((event.clientX - frame.current!.getBoundingClientRect().left - left) / wide)))

  function onKeyDown(event: KeyboardEvent) {
    const now = here ?? buckets.length - 1
    const next = { ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1, PageUp: now + 10, PageDown: now - 10, Home: 0, End: buckets.length - 1 }[event.key]
    if (next !== undefined) {
      setAt(Math.max(0, Math.min(buckets.length - 1, here === null && !event.key.match(/Home|End/) ? now : next)))
      setAnchor(event.shiftKey ? (anchor ?? now) : null)
    } else if ((event.key === 'Enter' || event.key === ' ') && here !== null) choose(from, to)
    else if (event.key === 'Escape' && here !== null) {
      setAnchor(null)
      setAt(null)
    } else return
    event.preventDefault()
  }

  return (
    <div ref={frame} className={styles.chart}>
      <span id={help} className="visually-hidden">
        Left and right go from bar to bar, with Shift they take several. Enter shows only the requests of that time.
      </span>
      <svg
        width={width}
        height={height + axis}
        className={styles.svg}
        role="slider"
        tabIndex={0}
        aria-label="Time"
        aria-describedby={help}
        aria-orientation="horizontal"
        aria-valuemin={0}
        aria-valuemax={Math.max(buckets.length - 1, 0)}
        aria-valuenow={here ?? Math.max(buckets.length - 1, 0)}
        aria-valuetext={here === null ? `${counted(buckets.length, 'bar')}, none chosen` : `${spanText(timeline, from, to, zone.time)}: ${sumText(buckets.slice(from, to + 1))}`}
        onKeyDown={onKeyDown}
        onBlur={() => {
          setAnchor(null)
          setAt(null)
        }}
        onPointerDown={(event) => {
          if (event.button !== 0 || buckets.length === 0) return
          event.currentTarget.setPointerCapture(event.pointerId)
          isDrawing.current = true
          setAnchor(barAt(event))
          setAt(barAt(event))
        }}
        onPointerMove={(event) => buckets.length > 0 && (isDrawing.current || event.pointerType === 'mouse') && setAt(barAt(event))}
        onPointerUp={(event) => {
          if (!isDrawing.current) return
          isDrawing.current = false
          // Escape in the middle of it means that it was not meant.
          if (anchor !== null) choose(Math.min(anchor, barAt(event)), Math.max(anchor, barAt(event)))
        }}
        onPointerCancel={() => {
          isDrawing.current = false
          setAnchor(null)
          setAt(null)
        }}
        onPointerLeave={() => !isDrawing.current && anchor === null && setAt(null)}
      >
        {Array.from({ length: Math.round(top / step) + 1 }, (_, index) => index * step).map((count) => (
          <g key={count}>
            <line x1={left} x2={width} y1={Math.round(y(count)) - 0.5} y2={Math.round(y(count)) - 0.5} className={count === 0 ? styles.base : styles.line} />
            <text x={left - 8} y={y(count)} dy="0.32em" textAnchor="end" className={styles.mark}>{short(count)}</text>
          </g>
        ))}
        {here !== null && <rect x={left + from * wide} width={(to - from + 1) * wide} y={0} height={height} className={anchor === null ? styles.hover : styles.brush} />}
        {buckets.map((bucket, index) => {
          let below = 0
          return statusNames.map((status) => {
            const count = countOf(bucket, status)
            if (count === 0) return null
            const [low, high] = [y(below), y((below += count))]
            // The least of them is seen: one failure among thousands matters.
            const tall = Math.max(low - high, 2)
            return <rect key={bucket.start + status} className={styles.success} style={{ fill: fillOf(status) }} x={left + index * wide + gap / 2} width={Math.max(wide - gap, 0.5)} y={low - tall} height={tall} />
          })
        })}
        {width > 0 &&
          marks(timeline, Math.floor((width - left) / 72), zone.name).map((index) => {
            const x = left + index * wide
            // The last one's text would not fit.
            if (x >= width - 20) return null
            return (
              <g key={index}>
                <line x1={Math.round(x) + 0.5} x2={Math.round(x) + 0.5} y1={height} y2={height + 4} className={styles.base} />
                <text x={x} y={height + 16} textAnchor={x - left < 20 ? 'start' : 'middle'} className={styles.mark}>{markText(timeline.bucket, new Date(buckets[index]!.start), zone.name)}</text>
              </g>
            )
          })}
      </svg>
      {here !== null && (
        <div className={styles.tip} style={{ left: Math.max(0, Math.min(width - 216, left + ((from + to + 1) / 2) * wide - 108)) }} aria-hidden="true">
          <div className={styles.tipTime}>{spanText(timeline, from, to, zone.time)}</div>
          {statusNames.map((status) => (
            <div key={status} className={styles.tipLine}>
              <svg width={8} height={8}><rect width={8} height={8} rx={2} className={styles.success} style={{ fill: fillOf(status) }} /></svg>
              {statuses[status].label}
              <span className={styles.number}>{grouped(buckets.slice(from, to + 1).reduce((sum, bucket) => sum + countOf(bucket, status), 0))}</span>
            </div>
          ))}
        </div>
      )}
    </div>
  )
}

/** From the first bucket's beginning to the last one's end. */
function spanText(timeline: Timeline, from: number, to: number, zone: 'local' | 'utc') {
  const start = timeText(new Date(timeline.buckets[from]!.start), zone)
  if (timeline.bucket === '1d') {
    const last = timeText(new Date(timeline.buckets[to]!.start), zone)
    return from === to ? start.slice(0, 10) : `${start.slice(0, 10)} to ${last.slice(0, 10)}`
  }
  const end = timeText(endOf(timeline, to), zone)
  return `${start.slice(0, 16)} to ${end.slice(0, 10) === start.slice(0, 10) ? end.slice(11, 16) : end.slice(0, 16)}`
}

const sumText = (buckets: Bucket[]) =>
  statusNames.map((status) => `${grouped(buckets.reduce((sum, bucket) => sum + countOf(bucket, status), 0))} ${statuses[status].label.toLowerCase()}`).join(', ')

function Numbers({ timeline, until, onRange }: Ranged) {
  const zone = useZone()
  const columns: Column<{ bucket: Bucket; index: number }>[] = [
    {
      header: zone.time === 'utc' ? 'Time (UTC)' : 'Time',
      narrow: 'first',
      cell: ({ index }) => (
        <button type="button" className={styles.pick} title="Show only this time" onClick={() => onRange(rangeOf(timeline, index, index, until))}>
          {spanText(timeline, index, index, zone.time)}
        </button>
      ),
    },
    ...statusNames.map((status): Column<{ bucket: Bucket; index: number }> => ({ header: statuses[status].label, width: '16%', align: 'end', narrow: 'whole', cell: ({ bucket }) => <><span className={styles.narrowName}>{statuses[status].label} </span>{grouped(countOf(bucket, status))}</> })),
    { header: 'Tokens', width: '18%', align: 'end', narrow: 'whole', cell: ({ bucket }) => <><span className={styles.narrowName}>Tokens </span>{grouped(bucket.tokens.total)}</> },
  ]
  const rows = timeline.buckets.map((bucket, index) => ({ bucket, index })).filter(({ bucket }) => bucket.total > 0).reverse()
  return (
    <div className={styles.numbers} tabIndex={0} role="region" aria-label="Requests over time as a table">
      {rows.length === 0 ? <p className={styles.nothing}>No requests in this time.</p> : <Table label="Requests over time" columns={columns} rows={rows} keyOf={({ bucket }) => bucket.start} />}
    </div>
  )
}
