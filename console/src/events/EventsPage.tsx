import { useQuery, useQueryClient } from '@tanstack/react-query'
import { LogIcon, SearchIcon } from '@primer/octicons-react'
import { Button } from '@primer/react'
import { useRef, useState, type ComponentProps } from 'react'
import { useAddress } from '../filters/address'
import { literal } from '../filters/log-filter'
import { api } from '../paths'
import { AuditLogsHeading } from '../shell/AuditLogsHeading'
import { Blankslate } from '../ui/Blankslate'
import { ExportButton } from '../ui/ExportButton'
import { Failure } from '../ui/Failure'
import { Pager } from '../ui/Pager'
import { Table, TableSkeleton } from '../ui/Table'
import { counted, grouped, visible } from '../ui/text'
import { useZone } from '../ui/time'
import { eventColumns, skeletonCell } from './event-columns'
import { defaultFilter, readFilter, toApi, writeFilter, type EventFilter, type ExactName } from './event-filter'
import { EventDetails } from './EventDetails'
import { EventFilters } from './EventFilters'
import styles from './EventsPage.module.css'
import { catalogQuery, eventsQuery, hasEventsQuery, pageSize } from './events-query'
import { useNewEvents } from './new-events'

/** Who did what to which resource, from where, with what outcome. */
export function EventsPage() {
  const client = useQueryClient()
  const zone = useZone()
  const [parameters, setParameters] = useAddress()
  const filter = readFilter(parameters)

  const { data: events, error, isPlaceholderData, refetch } = useQuery(eventsQuery(filter, zone.name))
  const { data: catalog } = useQuery(catalogQuery)
  const fresh = useNewEvents(
    writeFilter({ ...filter, page: 1 }).toString(),
    () => toApi(filter, zone.name, new Date()),
    isPlaceholderData ? undefined : events?.liveCursor,
    events?.items ?? [],
  )
  const [expanded, setExpanded] = useState<ReadonlySet<string>>(new Set())
  const [exportError, setExportError] = useState<Error | null>(null)
  const top = useRef<HTMLDivElement>(null)

  const change = (next: Partial<EventFilter>) => setParameters(writeFilter({ ...filter, page: 1, ...next }))
  const narrow = (name: ExactName, value: string) => change({ exact: { ...filter.exact, [name]: value } })
  const toggle = (id: string) => setExpanded((before) => (before.has(id) ? new Set([...before].filter((one) => one !== id)) : new Set([...before, id])))
  const toPage = (page: number) => {
    change({ page })
    top.current?.scrollIntoView({ block: 'nearest' })
  }
  const showNew = () => {
    if (filter.page > 1) change({ page: 1 })
    void client.invalidateQueries({ queryKey: ['events'] })
    window.scrollTo({ top: 0 })
  }

  const columns = eventColumns({
    timeHeader: zone.time === 'utc' ? 'Time (UTC)' : 'Time',
    resourceLabel: (type) => catalog?.resources.find((one) => one.name === type)?.label ?? type,
    onFilter: narrow,
    expanded,
    onToggle: toggle,
  })

  return (
    <>
      <AuditLogsHeading
        actions={
          <ExportButton path={api.eventsExport} query={() => toApi(filter, zone.name, new Date())} total={events?.total} most={catalog?.exportRows ?? 0} noun="events" onFailed={setExportError} />
        }
      />
      <EventFilters filter={filter} onChange={change} />
      {exportError && <div className={styles.failure}><Failure error={exportError} /></div>}
      <div ref={top} className={styles.live}>
        <span role="status" className="visually-hidden">
          {fresh.count > 0 ? counted(fresh.count, 'new event') : ''}
        </span>
        {fresh.count > 0 && (
          <Button size="small" className={styles.pill} onClick={showNew}>
            {grouped(fresh.count)} new
          </Button>
        )}
      </div>
      {error && !events ? (
        <Failure error={error} onRetry={() => void refetch()} />
      ) : !events ? (
        <TableSkeleton label="Audit log" columns={columns} rows={10} cell={skeletonCell} />
      ) : (
        <>
          {error && <div className={styles.failure}><Failure error={error} onRetry={() => void refetch()} /></div>}
          {events.items.length > 0 ? (
            <Table
              label="Audit log"
              columns={columns}
              rows={events.items}
              keyOf={(event) => event.id}
              isBusy={isPlaceholderData}
              rowProps={(event): ComponentProps<'tr'> => ({
                className: styles.row,
                onClick: (click) => {
                  // Only the row itself: what stands in it does its own thing, and a selection is for copying.
                  if (click.target instanceof Element && !click.target.closest('a, button') && !window.getSelection()?.toString()) toggle(event.id)
                },
              })}
              below={(event) => expanded.has(event.id) && <EventDetails event={event} onFilter={(name, value) => narrow(name, literal(value))} />}
            />
          ) : events.total > 0 ? (
            <Blankslate icon={LogIcon} title={`There is no page ${grouped(filter.page)}`} action={<Button onClick={() => toPage(1)}>Go to the first page</Button>}>
              {counted(events.total, 'entry matches', 'entries match')} your filters.
            </Blankslate>
          ) : (
            <NoEvents isBusy={isPlaceholderData} onClear={() => change({ ...defaultFilter, range: 'all' })} />
          )}
          {events.items.length > 0 && <Pager page={events.page} size={pageSize} total={events.total} onPage={toPage} />}
        </>
      )}
      <p className={styles.connection} data-connection={fresh.isLive ? 'live' : 'connecting'}>
        {fresh.isLive ? 'New events are announced as they arrive.' : events ? 'Connecting to hear of new events…' : visible('')}
      </p>
    </>
  )
}

/** Nothing matches; or there is nothing at all, when no filter would help. */
export function NoEvents({ isBusy, onClear }: { isBusy: boolean; onClear: () => void }) {
  const { data: hasEvents } = useQuery(hasEventsQuery)
  if (hasEvents === undefined || isBusy) return <div aria-busy="true" className={styles.asking} />
  return hasEvents ? (
    <Blankslate icon={SearchIcon} title="No audit log entries match your filters." action={<Button onClick={onClear}>Clear filters</Button>} />
  ) : (
    <Blankslate icon={LogIcon} title="No audit events have been recorded yet.">
      Applications send them to the gateway with an API key that has the scope events:write.
    </Blankslate>
  )
}
