import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent } from 'react'
import type { Request } from '../api/types'
import { Table, type Column } from '../ui/Table'
import styles from './RequestsPage.module.css'

const rowHeight = 39

/** How far below the screen the next page begins to be read. */
const readAhead = 20

/** A list of any length: only the rows around what is in sight are in the page. */
export function RequestTable({ columns, rows, total, arrived, isBusy, hasMore, onMore, onOpen }: {
  columns: Column<Request>[]
  rows: Request[]
  total: number
  arrived: ReadonlySet<string>
  isBusy: boolean
  hasMore: boolean
  onMore: () => void
  onOpen: (request: Request) => void
}) {
  const frame = useRef<HTMLDivElement>(null)
  const [top, setTop] = useState(0)
  // What stands above it comes, goes and wraps.
  useLayoutEffect(() => {
    const body = frame.current!.querySelector('tbody')!
    const now = Math.round(body.getBoundingClientRect().top + window.scrollY)
    if (now !== top) setTop(now)
  })

  const virtualizer = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => rowHeight,
    getItemKey: (index) => rows[index]!.request_id,
    overscan: 10,
    scrollMargin: top,
  })
  const items = virtualizer.getVirtualItems()
  const last = items.at(-1)
  const isNearEnd = last !== undefined && last.index >= rows.length - 1 - readAhead
  useEffect(() => {
    if (isNearEnd && hasMore) onMore()
    // Each new page moves the end.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [isNearEnd, hasMore, rows.length])

  const places = new Map(items.map((item, at) => [rows[item.index]!, { ...item, spaceBefore: item.start - (at === 0 ? top : items[at - 1]!.end) }]))

  return (
    <div ref={frame} onKeyDown={toNeighbour}>
      <Table
        label="Requests"
        columns={columns}
        rows={items.map((item) => rows[item.index]!)}
        keyOf={(request) => request.request_id}
        isBusy={isBusy}
        part={{
          total,
          indexOf: (request) => places.get(request)!.index,
          spaceBefore: (request) => places.get(request)!.spaceBefore,
          spaceAfter: virtualizer.getTotalSize() + top - (last?.end ?? top),
          measure: virtualizer.measureElement,
        }}
        rowProps={(request) => ({
          className: arrived.has(request.request_id) ? styles.arrived : styles.row,
          onClick: (click) => {
            // Only the row itself: what stands in it does its own thing, and a selection is for copying.
            if (click.target instanceof Element && !click.target.closest('a, button') && !window.getSelection()?.toString()) onOpen(request)
          },
        })}
      />
    </div>
  )
}

/** Up and down go from row to row, as in any list. */
function toNeighbour(event: KeyboardEvent) {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
  const row = document.activeElement?.closest('tr')
  let next = event.key === 'ArrowDown' ? row?.nextElementSibling : row?.previousElementSibling
  if (next?.getAttribute('role') === 'presentation') next = null
  const link = next?.querySelector('a')
  if (!link) return
  event.preventDefault()
  link.focus()
  link.scrollIntoView({ block: 'nearest' })
}
