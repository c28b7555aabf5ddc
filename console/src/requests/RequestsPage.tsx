import { useQuery, useQueryClient } from '@tanstack/react-query'
import { PulseIcon, SyncIcon } from '@primer/octicons-react'
import { Banner, Button, Spinner } from '@primer/react'
import { useEffect, useEffectEvent, useRef, useState } from 'react'
import { useLocation, useNavigate } from 'react-router'
import type { Request } from '../api/types'
import { useAddress } from '../filters/address'
import { isNarrowed } from '../filters/log-filter'
import { api } from '../paths'
import type { Connection } from '../live/live'
import { AuditLogsHeading } from '../shell/AuditLogsHeading'
import { Blankslate } from '../ui/Blankslate'
import { ExportButtons } from '../ui/ExportButton'
import { Failure } from '../ui/Failure'
import { counted, grouped, visible } from '../ui/text'
import { useZone } from '../ui/time'
import { requestColumns } from './request-columns'
import { defaultFilter, readFilter, toApi, writeFilter, type ExactName, type RequestFilter } from './request-filter'
import { useRequestRows } from './request-rows'
import { RequestChart } from './RequestChart'
import { RequestFilters } from './RequestFilters'
import { RequestPanel } from './RequestPanel'
import styles from './RequestsPage.module.css'
import { statsQuery, timelineQuery } from './requests-query'
import { RequestTable } from './RequestTable'
import { RequestTiles } from './RequestTiles'

/** Which model calls were made, by whom, how long they took, and whether they failed. */
export function RequestsPage() {
  const client = useQueryClient()
  const zone = useZone()
  const navigate = useNavigate()
  const { state } = useLocation() as { state: { isOpened?: boolean } | null }
  const [parameters, setParameters] = useAddress()
  const filter = readFilter(parameters)
  const opened = parameters.get('request') ?? ''

  const top = useRef<HTMLDivElement>(null)
  const isAtTop = () => top.current === null || top.current.getBoundingClientRect().top >= 0
  const list = useRequestRows(filter, zone.name, isAtTop)
  const { rows } = list
  const { data: numbers, error: statsError } = useQuery(statsQuery(filter, zone.name))
  const { stats, away = [] } = numbers ?? {}
  const { data: course, error: courseError, isPlaceholderData: isCourseBusy } = useQuery(timelineQuery(filter, zone.name))
  const [exportError, setExportError] = useState<Error | null>(null)

  const change = (next: Partial<RequestFilter>) => setParameters(writeFilter({ ...filter, ...next }))
  const narrow = (name: ExactName, value: string) => change({ exact: { ...filter.exact, [name]: value } })
  const open = (request: Request) => setParameters(writeFilter(filter, request.request_id), { state: { isOpened: true }, replace: opened !== '' })
  // Back closes it as well, and is not left with a step that does nothing.
  const close = () => (state?.isOpened ? void navigate(-1) : setParameters(writeFilter(filter), { replace: true }))

  const showWaiting = useEffectEvent(() => list.waiting > 0 && isAtTop() && list.showWaiting())
  useEffect(() => {
    const onScroll = () => showWaiting()
    window.addEventListener('scroll', onScroll, { passive: true })
    return () => window.removeEventListener('scroll', onScroll)
  }, [])

  const refresh = () => {
    list.reload()
    void client.invalidateQueries({ queryKey: ['requests'], predicate: ({ queryKey }) => queryKey[1] !== 'list' })
  }
  const toTop = () => {
    list.showWaiting()
    top.current?.scrollIntoView()
  }

  const columns = requestColumns({
    timeHeader: zone.time === 'utc' ? 'Time (UTC)' : 'Time',
    addressOf: (request) => `?${writeFilter(filter, request.request_id)}`,
  })
  const openedAt = opened === '' || !rows ? -1 : rows.findIndex((request) => request.request_id === opened)
  const hasRecords = rows !== undefined && rows.length > 0
  const failed = statsError ?? courseError

  return (
    <>
      <AuditLogsHeading
        actions={
          <>
            <LiveLabel connection={list.connection} />
            <Button leadingVisual={SyncIcon} loading={list.isReloading && rows !== undefined} onClick={refresh}>Refresh</Button>
            <ExportButtons path={api.requestsExport} query={() => toApi(filter, zone.name, new Date())} isEmpty={rows !== undefined && !hasRecords} onFailed={setExportError} />
          </>
        }
      />
      <RequestFilters filter={filter} stats={stats} onChange={change} />
      {exportError && <div className={styles.failure}><Failure error={exportError} /></div>}
      {away.length > 0 && (
        <div className={styles.failure}>
          <Banner variant="warning" title={`${away.map(visible).join(', ')} cannot be reached`} description="Requests of this gateway may be missing from the list and the numbers until it answers again." />
        </div>
      )}
      <RequestTiles stats={stats} />
      {course ? (
        <RequestChart timeline={course.timeline} until={course.until} isBusy={isCourseBusy} onRange={({ from, to }) => change({ range: null, from, to, tz: '' })} />
      ) : (
        !courseError && <div className={styles.chartPlace} />
      )}
      {failed && !list.error && <div className={styles.failure}><Failure error={failed} /></div>}
      <div ref={top} className={styles.top} />
      <div className={styles.live}>
        <span role="status" className="visually-hidden">{list.waiting > 0 ? counted(list.waiting, 'new request') : ''}</span>
        {list.waiting > 0 && (
          <Button size="small" className={styles.pill} onClick={toTop}>
            {grouped(list.waiting)} new
          </Button>
        )}
      </div>
      {list.error && !list.hasMoreFailed && <div className={styles.failure}><Failure error={list.error} onRetry={list.reload} /></div>}
      {rows === undefined ? (
        !list.error && <Loading />
      ) : hasRecords ? (
        <>
          <RequestTable columns={columns} rows={rows} total={list.total} arrived={list.arrived} isBusy={list.isBusy} hasMore={list.hasMore && !list.hasMoreFailed} onMore={list.loadMore} onOpen={open} />
          <div className={styles.end}>
            <span className={styles.count}>
              {grouped(rows.length)} of {counted(Math.max(list.total, rows.length), 'request')}
            </span>
            {list.hasMoreFailed && <span role="alert">The next ones could not be loaded.</span>}
            {list.hasMore && (
              <Button loading={list.isLoadingMore} onClick={list.loadMore}>
                Load More
              </Button>
            )}
            <span role="status" className={list.isLoadingMore ? undefined : 'visually-hidden'}>{list.isLoadingMore ? 'Loading...' : ''}</span>
          </div>
        </>
      ) : (
        <NoRequests filter={filter} onClear={() => change({ ...defaultFilter, range: 'all' })} />
      )}
      {opened !== '' && (
        <RequestPanel
          id={opened}
          known={rows?.[openedAt]}
          newer={openedAt > 0 ? rows?.[openedAt - 1] : undefined}
          older={openedAt >= 0 ? rows?.[openedAt + 1] : undefined}
          onOpen={open}
          onFilter={narrow}
          onClose={close}
        />
      )}
    </>
  )
}

const connections: Record<Connection, string> = { connecting: 'Connecting', live: 'Live', offline: 'Offline' }

function LiveLabel({ connection }: { connection: Connection }) {
  return (
    <span role="status" className={styles.connection} data-connection={connection} title={connection === 'live' ? 'New requests appear as they are recorded' : 'New requests appear once the connection stands again'}>
      {connections[connection]}
    </span>
  )
}

function Loading() {
  return (
    <div role="status" className={styles.loading}>
      <Spinner size="small" srText={null} /> Loading...
    </div>
  )
}

function NoRequests({ filter, onClear }: { filter: RequestFilter; onClear: () => void }) {
  const isFiltered = isNarrowed(filter) || filter.range !== 'all'
  return (
    <Blankslate icon={PulseIcon} title="No audit logs found" action={isFiltered && <Button onClick={onClear}>Clear filters</Button>}>
      {isFiltered ? 'No request matches these filters.' : 'Requests appear here once applications send them through the gateway.'}
    </Blankslate>
  )
}
