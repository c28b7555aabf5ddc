import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Banner, Button, ConfirmationDialog } from '@primer/react'
import { useState } from 'react'
import { get, post } from '../api/call'
import type { Catalog, Retention, RetentionRun } from '../api/types'
import { catalogQuery } from '../events/events-query'
import { api } from '../paths'
import { configQuery } from '../session/session'
import { PageHeading } from '../shell/PageHeading'
import { Failure } from '../ui/Failure'
import { Facts, Section } from '../ui/Section'
import { Skeleton } from '../ui/Skeleton'
import { Table, type Column } from '../ui/Table'
import { bytes, counted, grouped, visible } from '../ui/text'
import { Time } from '../ui/Time'

const retentionQuery = queryOptions({ queryKey: ['retention'], queryFn: ({ signal }) => get<Retention>(api.retention, undefined, signal) })

const columns: Column<Catalog['resources'][number]>[] = [
  { header: 'Type', narrow: 'first', cell: (type) => <strong>{visible(type.name)}</strong> },
  { header: 'Label', narrow: 'whole', cell: (type) => visible(type.label) },
  { header: 'Links to', narrow: 'whole', cell: (type) => (type.link ? <code className="mono">{visible(type.link)}</code> : <span className="muted">not linked</span>) },
]

/** What is set, and where it is changed. */
export function ConfigurationPage() {
  return (
    <>
      <PageHeading title="Configuration" lead={<>Read when Cairn starts, from <code className="mono">cairn.json</code> in the data directory, the environment (<code className="mono">Cairn__Section__Key</code>) and the command line. To change a setting, change it there and start Cairn again.</>} />
      <RetentionSection />
      <CatalogSections />
    </>
  )
}

const days = (number: number) => (number === 0 ? 'for ever' : counted(number, 'day'))
const removed = (run: RetentionRun) => `${counted(run.events, 'event')} and ${counted(run.requests, 'request')}`

function RetentionSection() {
  const client = useQueryClient()
  const { data: retention, error, refetch } = useQuery(retentionQuery)
  const [foreseen, setForeseen] = useState<RetentionRun | null>(null)
  const look = useMutation({ mutationFn: () => post<RetentionRun>(api.retentionRun, undefined, { dry_run: true }), onSuccess: setForeseen })
  const run = useMutation({ mutationFn: () => post<RetentionRun>(api.retentionRun, undefined, { confirm: true }), onSuccess: () => client.invalidateQueries(retentionQuery) })
  const failed = look.error ?? run.error

  return (
    <Section title="Retention" actions={<Button loading={look.isPending || run.isPending} onClick={() => look.mutate()}>Run now…</Button>}>
      {error && !retention && <Failure error={error} onRetry={() => void refetch()} />}
      {failed && <Failure error={failed} />}
      {retention?.held && <Banner variant="warning" title="Retention waits for a person" description={retention.held} />}
      {!retention && !error && <Skeleton width="100%" height="160px" />}
      {retention && (
        <Facts
          facts={[
            ['Events are kept', days(retention.eventDays)],
            ['Requests are kept', days(retention.requestDays)],
            ['Size limit', retention.maxBytes === 0 ? 'none' : bytes(retention.maxBytes)],
            ['Last run', retention.lastRun ? <span key="last"><Time at={retention.lastRun.at} /> · removed {removed(retention.lastRun)}</span> : 'none yet'],
            ['Next run', retention.nextRun ? <Time key="next" at={retention.nextRun} /> : 'soon'],
          ]}
        />
      )}
      {foreseen && (
        <ConfirmationDialog
          title={foreseen.events + foreseen.requests === 0 ? 'Nothing is too old' : `Remove ${removed(foreseen)}?`}
          confirmButtonContent={foreseen.events + foreseen.requests === 0 ? 'Run all the same' : 'Remove'}
          confirmButtonType={foreseen.events + foreseen.requests === 0 ? 'normal' : 'danger'}
          onClose={(gesture) => {
            setForeseen(null)
            if (gesture === 'confirm') run.mutate()
          }}
        >
          {foreseen.held ?? 'They are older than the settings keep. What is removed cannot be brought back; the run itself is recorded.'}
        </ConfirmationDialog>
      )}
    </Section>
  )
}

function CatalogSections() {
  const { data: catalog, error, refetch } = useQuery(catalogQuery)
  const { data: config } = useQuery(configQuery)
  if (error && !catalog) return <Failure error={error} onRetry={() => void refetch()} />
  if (!catalog || !config) return null
  return (
    <>
      <Section title="Limits">
        <Facts
          facts={[
            ['Rows in one export of events', catalog.exportRows === 0 ? 'no limit' : grouped(catalog.exportRows)],
            ['One call with events', `${grouped(10_000)} events, 8 MiB`],
            ['One event', '64 KiB, of which metadata 16 KiB'],
          ]}
        />
      </Section>
      <Section title="Console">
        <Facts
          facts={[
            ['Product name', visible(config.productName)],
            ['Back link', config.backLink ? `${visible(config.backLink.label)} (${visible(config.backLink.url)})` : 'none'],
            ['Further links', config.links.length === 0 ? 'none' : config.links.map((link) => visible(link.label)).join(', ')],
            ['Sign-in provider', config.signIn.provider ? visible(config.signIn.provider.name) : 'none'],
          ]}
        />
      </Section>
      <Section title="Resource types" lead="How types of resources are called, and where the console links one to.">
        <Table label="Resource types" columns={columns} rows={catalog.resources} keyOf={(type) => type.name} />
      </Section>
    </>
  )
}
