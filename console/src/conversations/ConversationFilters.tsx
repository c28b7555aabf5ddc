import { useQuery } from '@tanstack/react-query'
import { Checkbox } from '@primer/react'
import { useRef, useState } from 'react'
import { Filters } from '../filters/Filters'
import { TimeRange } from '../filters/TimeRange'
import { FilterMenu } from '../ui/FilterMenu'
import { FilterPanel } from '../ui/FilterPanel'
import { visible } from '../ui/text'
import { defaultFilter, writeFilter, type ConversationFilter } from './conversation-filter'
import { leastOfOwner, ownerPart, ownersQuery } from './conversations-query'
import own from './ConversationFilters.module.css'
import { statuses } from './statuses'

const ownersAfterMs = 250

interface Filtering {
  filter: ConversationFilter
  onChange: (change: Partial<ConversationFilter>) => void
}

export function ConversationFilters({ filter, onChange }: Filtering) {
  const set = (name: keyof ConversationFilter['exact'], value: string) => onChange({ exact: { ...filter.exact, [name]: value || undefined } })
  const isDefault = writeFilter({ ...filter, page: 1 }).toString() === writeFilter(defaultFilter).toString()
  const { status = '' } = filter.exact
  return (
    <Filters placeholder="Search by title" search={filter.search} onSearch={(search) => onChange({ search })} onReset={isDefault ? undefined : () => onChange(defaultFilter)}>
      <OwnerFilter value={filter.exact.owner_email ?? ''} onChange={(value) => set('owner_email', value)} />
      <FilterMenu label="Status" all="All Status" options={Object.entries(statuses).map(([value, { label }]) => ({ value, text: label }))} value={status} onChange={(value) => set('status', value)} />
      <TimeRange filter={filter} onChange={onChange} />
      <FilterMenu label="Sort" all="Newest first" options={[{ value: 'updated_at', text: 'Last updated first' }]} value={filter.exact.sort ?? ''} onChange={(value) => set('sort', value)} />
      <label className={own.deleted} title={status === '' ? undefined : 'The status says which conversations are shown'}>
        <Checkbox checked={filter.exact.include_deleted === 'true'} disabled={status !== ''} onChange={(event) => set('include_deleted', event.target.checked ? 'true' : '')} />
        Include deleted
      </label>
    </Filters>
  )
}

function OwnerFilter({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [part, setPart] = useState('')
  const [asked, setAsked] = useState('')
  const pause = useRef<ReturnType<typeof setTimeout>>(undefined)
  const { data: owners = [], error, isFetching } = useQuery(ownersQuery(asked))

  function search(text: string) {
    clearTimeout(pause.current)
    const next = ownerPart(text)
    setPart(next)
    if (next.length < leastOfOwner) setAsked('')
    else pause.current = setTimeout(() => setAsked(next), ownersAfterMs)
  }

  const isSettled = part === asked
  return (
    <FilterPanel
      label="Owner"
      all="All owners"
      hint="Each search for owners is recorded."
      least={leastOfOwner}
      choices={(isSettled ? owners : []).map((owner) => ({ value: owner, text: visible(owner) }))}
      chosen={value === '' ? undefined : { value, text: visible(value) }}
      isLoading={part.length >= leastOfOwner && (!isSettled || isFetching)}
      error={isSettled ? error : null}
      onSearch={search}
      onChange={onChange}
    />
  )
}
