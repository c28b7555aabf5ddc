import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Filters } from '../filters/Filters'
import { FilterTokens } from '../filters/FilterTokens'
import { literal, meaning, ranges, type Range } from '../filters/log-filter'
import { FilterMenu } from '../ui/FilterMenu'
import { FilterPanel } from '../ui/FilterPanel'
import { visible } from '../ui/text'
import { useZone } from '../ui/time'
import { defaultFilter, shownDates, writeFilter, type EventFilter, type ExactName } from './event-filter'
import { actorsQuery, catalogQuery } from './events-query'
import { outcomes } from './outcomes'
import styles from '../filters/filters.module.css'

interface Filtering {
  filter: EventFilter
  onChange: (change: Partial<EventFilter>) => void
}

export function EventFilters({ filter, onChange }: Filtering) {
  const { data: catalog } = useQuery(catalogQuery)
  const setExact = (name: ExactName, value: string) => onChange({ exact: { ...filter.exact, [name]: value || undefined } })
  const shown = (value: string | undefined, find: (value: string) => string) => {
    if (value === undefined) return undefined
    const meant = meaning(value)
    return { value, text: (meant.excluded ? 'Not ' : '') + visible(find(meant.value)) }
  }
  const action = shown(filter.exact.action, (key) => catalog?.actions.find((one) => one.key === key)?.label ?? key)
  const resource = shown(filter.exact.resource, (name) => catalog?.resources.find((one) => one.name === name)?.label ?? name)
  const isDefault = writeFilter({ ...filter, page: 1 }).toString() === writeFilter(defaultFilter).toString()

  return (
    <Filters placeholder="Search by action or resource name" search={filter.search} onSearch={(search) => onChange({ search })} onReset={isDefault ? undefined : () => onChange(defaultFilter)} tokens={<FilterTokens labels={tokens} exact={filter.exact} onRemove={(name) => setExact(name, '')} />}>
      <ActorFilter value={filter.exact.actorId} onChange={(value) => setExact('actorId', value)} />
      <FilterPanel
        label="Resource type"
        all="All resources"
        choices={(catalog?.resources ?? []).map((one) => ({ value: literal(one.name), text: visible(one.label) }))}
        chosen={resource}
        onChange={(value) => setExact('resource', value)}
      />
      <FilterPanel
        label="Action"
        all="All actions"
        choices={(catalog?.actions ?? []).map((one) => ({ value: literal(one.key), text: visible(one.label), description: visible(one.key) }))}
        chosen={action}
        onChange={(value) => setExact('action', value)}
      />
      <FilterMenu
        label="Outcome"
        all="All outcomes"
        options={Object.entries(outcomes).map(([value, { label }]) => ({ value, text: label }))}
        value={filter.exact.outcome ?? ''}
        onChange={(value) => setExact('outcome', value)}
      />
      <Dates filter={filter} onChange={onChange} />
    </Filters>
  )
}

function ActorFilter({ value, onChange }: { value: string | undefined; onChange: (value: string) => void }) {
  const [isOpen, setOpen] = useState(false)
  const [search, setSearch] = useState('')
  const { data: found, isFetching } = useQuery({ ...actorsQuery(search), enabled: isOpen })
  const meant = value === undefined ? undefined : meaning(value)
  const { data: known } = useQuery({ ...actorsQuery(meant?.value ?? ''), enabled: meant !== undefined })
  const actor = known?.find((one) => (one.id ?? 'System') === meant?.value)
  return (
    <FilterPanel
      label="Actor"
      all="All actors"
      choices={(found ?? []).map((one) => ({ value: literal(one.id ?? 'System'), text: visible(one.name ?? one.id ?? 'System'), description: one.email !== one.name ? visible(one.email ?? (one.name && one.id) ?? '') || undefined : undefined }))}
      chosen={meant && { value: value!, text: (meant.excluded ? 'Not ' : '') + visible(actor?.name ?? meant.value) }}
      isLoading={isOpen && isFetching && found === undefined}
      onSearch={setSearch}
      onOpen={() => setOpen(true)}
      onChange={onChange}
    />
  )
}

function Dates({ filter, onChange }: Filtering) {
  const zone = useZone()
  const dates = shownDates(filter, zone.time, new Date())
  const setDates = (change: { from?: string; to?: string }) => {
    const next = { ...dates, ...change }
    onChange(next.from || next.to ? { range: null, ...next, tz: filter.tz || zone.name } : { range: 'all', from: '', to: '', tz: '' })
  }
  return (
    <div className={styles.dates}>
      <FilterMenu
        label="Time range"
        options={[...Object.entries(ranges).map(([value, text]) => ({ value, text: text as string })), ...(filter.range === null ? [{ value: 'dates', text: 'Chosen dates' }] : [])]}
        value={filter.range ?? 'dates'}
        onChange={(range) => range !== 'dates' && onChange({ range: range as Range, from: '', to: '', tz: '' })}
      />
      <label className={styles.date}>
        <span>From</span>
        <input type="date" className={styles.input} value={dates.from} max={dates.to || undefined} onChange={(event) => setDates({ from: event.target.value })} />
      </label>
      <label className={styles.date}>
        <span>To</span>
        <input type="date" className={styles.input} value={dates.to} min={dates.from || undefined} onChange={(event) => setDates({ to: event.target.value })} />
      </label>
    </div>
  )
}

/** Filters that come from a click on a value and have no menu of their own. */
const tokens: Partial<Record<ExactName, string>> = { resourceId: 'Resource ID', ip: 'IP address', requestId: 'Request ID', traceId: 'Trace ID', conversationId: 'Conversation ID' }
