import { useQuery } from '@tanstack/react-query'
import { LogIcon } from '@primer/octicons-react'
import { Label, Link } from '@primer/react'
import { Link as RouterLink } from 'react-router'
import { queryOptions } from '@tanstack/react-query'
import { get } from '../api/call'
import type { AuditEvent, Events, Health, Stats, Timeline } from '../api/types'
import { eventColumns, skeletonCell } from '../events/event-columns'
import { catalogQuery } from '../events/events-query'
import { api, paths } from '../paths'
import { defaultFilter as allRequests, writeFilter as writeRequestFilter } from '../requests/request-filter'
import { RequestChart } from '../requests/RequestChart'
import { PageHeading } from '../shell/PageHeading'
import { Blankslate } from '../ui/Blankslate'
import { Failure } from '../ui/Failure'
import { Facts, Section } from '../ui/Section'
import { Skeleton } from '../ui/Skeleton'
import { Table, TableSkeleton } from '../ui/Table'
import { bytes, counted, grouped, short } from '../ui/text'
import { Tile, Tiles } from '../ui/Tiles'
import { Time } from '../ui/Time'
import { useZone } from '../ui/time'
import { useNavigate } from 'react-router'
import { lateTargets } from './late-targets'
import { defaultFilter, writeFilter } from '../events/event-filter'

const days = 7
const since = () => new Date(Date.now() - days * 86_400_000).toISOString()

const latestQuery = queryOptions({ queryKey: ['events', 'latest'], queryFn: ({ signal }) => get<Events>(api.events, { limit: 10 }, signal), refetchInterval: 30_000 })
const volumeQuery = queryOptions({
  queryKey: ['overview', 'volume'],
  queryFn: async ({ signal }) => {
    const start = since()
    const [stats, timeline, events] = await Promise.all([
      get<Stats>(api.requestStats, { start_time: start }, signal),
      get<Timeline>(api.requestTimeline, { start_time: start }, signal),
      get<Events>(api.events, { from: start, limit: 1 }, signal),
    ])
    return { stats, timeline, until: Date.now(), events: events.total }
  },
  refetchInterval: 60_000,
})
const healthQuery = queryOptions({ queryKey: ['health'], queryFn: ({ signal }) => get<Health>(api.health, undefined, signal), refetchInterval: 30_000 })

/** How it all is, at a glance. */
export function OverviewPage() {
  return (
    <>
      <PageHeading title="Overview" />
      <Volume />
      <LatestEvents />
      <Store />
    </>
  )
}

function Volume() {
  const navigate = useNavigate()
  const { data, error, refetch } = useQuery(volumeQuery)
  if (error && !data) return <Failure error={error} onRetry={() => void refetch()} />
  const wait = <Skeleton width="72px" height="24px" />
  const stats = data?.stats
  const failed = stats ? stats.total_requests - (stats.by_status.success ?? 0) : 0
  return (
    <>
      <Tiles>
        <Tile label="Events" value={data ? short(data.events) : wait} note={`in the last ${days} days`} />
        <Tile label="Requests" value={stats ? short(stats.total_requests) : wait} note={`in the last ${days} days`} />
        <Tile label="Error rate" value={stats ? (stats.total_requests === 0 ? '–' : `${((100 * failed) / stats.total_requests).toFixed(1)} %`) : wait} note={stats ? `${grouped(failed)} failed or timed out` : ' '} />
        <Tile label="Tokens" value={stats ? short(stats.tokens.total) : wait} note={stats ? `${short(stats.tokens.prompt)} in, ${short(stats.tokens.completion)} out` : ' '} />
      </Tiles>
      {data && data.stats.total_requests > 0 && (
        <RequestChart timeline={data.timeline} until={data.until} onRange={(range) => void navigate(`${paths.requests}?${writeRequestFilter({ ...allRequests, range: null, ...range })}`)} />
      )}
    </>
  )
}

function LatestEvents() {
  const navigate = useNavigate()
  const zone = useZone()
  const { data, error, refetch } = useQuery(latestQuery)
  const { data: catalog } = useQuery(catalogQuery)
  const columns = eventColumns({
    timeHeader: zone.time === 'utc' ? 'Time (UTC)' : 'Time',
    resourceLabel: (type) => catalog?.resources.find((one) => one.name === type)?.label ?? type,
    onFilter: (name, value) => void navigate(`${paths.events}?${writeFilter({ ...defaultFilter, exact: { [name]: value } })}`),
    expanded: new Set(),
    onToggle: () => undefined,
  }).slice(0, 4)
  return (
    <Section title="Latest events" actions={<Link as={RouterLink} to={paths.events}>All events</Link>}>
      {error && !data ? (
        <Failure error={error} onRetry={() => void refetch()} />
      ) : !data ? (
        <TableSkeleton label="Latest events" columns={columns} rows={10} cell={skeletonCell} />
      ) : data.items.length === 0 ? (
        <Blankslate icon={LogIcon} title="No audit events have been recorded yet." />
      ) : (
        <Table<AuditEvent> label="Latest events" columns={columns} rows={data.items} keyOf={(event) => event.id} />
      )}
    </Section>
  )
}

const recordingStates: Record<string, { label: string; variant: 'success' | 'attention' } | undefined> = {
  ok: { label: 'Healthy', variant: 'success' },
  degraded: { label: 'Degraded', variant: 'attention' },
}

function Store() {
  const { data: health, error, refetch } = useQuery(healthQuery)
  if (error && !health) return <Failure error={error} onRetry={() => void refetch()} />
  if (!health) return null
  const { records, store, outbox, oldest, retention, push } = health
  return (
    <Section title="Health">
      <Facts
        facts={[
          ['Recording', <Label key="status" variant={recordingStates[health.status]?.variant ?? 'danger'}>{recordingStates[health.status]?.label ?? 'Failing'}</Label>],
          ...(store.problem ? [['Problem', store.problem] as [string, string]] : []),
          ...(store.degraded ? [['Store away', store.degraded] as [string, string]] : []),
          ...(outbox ? [['Waiting for the store', `${counted(outbox.waiting, 'record')}${outbox.setAside ? `, ${grouped(outbox.setAside)} set aside` : ''}`] as [string, string]] : []),
          ...lateTargets(push),
          ['Since the start', `${counted(records.accepted, 'record')} accepted, ${grouped(records.written)} written, ${grouped(records.waiting)} waiting, ${grouped(records.refused)} refused, ${grouped(records.lost)} lost`],
          ['Store', `${store.engine === 'sqlite' ? 'SQLite' : store.engine}, ${bytes(store.bytes)}${store.freeDiskBytes === null ? '' : `; ${bytes(store.freeDiskBytes)} free on the disk`}`],
          ['Oldest event', oldest.event ? <Time key="event" at={oldest.event} /> : 'none'],
          ['Oldest request', oldest.request ? <Time key="request" at={oldest.request} /> : 'none'],
          ['Last retention run', retention.lastRun ? <span key="run"><Time at={retention.lastRun.at} /> · removed {counted(retention.lastRun.events, 'event')} and {counted(retention.lastRun.requests, 'request')}</span> : 'none yet'],
        ]}
      />
    </Section>
  )
}
