import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { Stats } from '../api/types'
import { Filters } from '../filters/Filters'
import { FilterTokens } from '../filters/FilterTokens'
import { literal, meaning } from '../filters/log-filter'
import { TimeRange } from '../filters/TimeRange'
import { FilterMenu } from '../ui/FilterMenu'
import { FilterPanel } from '../ui/FilterPanel'
import { counted, visible } from '../ui/text'
import { useZone } from '../ui/time'
import { defaultFilter, writeFilter, type ExactName, type RequestFilter } from './request-filter'
import { modelsQuery } from './requests-query'
import { statuses } from './statuses'

interface Filtering {
  filter: RequestFilter
  onChange: (change: Partial<RequestFilter>) => void
}

const backendNames: Record<string, string> = { local: 'Local', openai: 'OpenAI', anthropic: 'Anthropic' }

/** Filters without a menu of their own: values of the side panel. */
export const tokenLabels: Partial<Record<ExactName, string>> = {
  endpoint: 'Endpoint',
  api_key_id: 'API key',
  user: 'User',
  client_ip: 'Client IP',
  trace_id: 'Trace ID',
  session_id: 'Session ID',
  conversation_id: 'Conversation ID',
}

export function RequestFilters({ filter, stats, onChange }: Filtering & { stats: Stats | undefined }) {
  const setExact = (name: ExactName, value: string) => onChange({ exact: { ...filter.exact, [name]: value || undefined } })
  const isDefault = writeFilter(filter).size === 0
  // An open set: what is known, what there is, and what the address asks for.
  const { backend_type: backend = '', status = '' } = filter.exact
  const backends = [...new Set([...Object.keys(backendNames), ...Object.keys(stats?.by_backend ?? {}).filter((name) => name !== '')].map(literal))]

  return (
    <Filters placeholder="Search by request ID, model or error" search={filter.search} onSearch={(search) => onChange({ search })} onReset={isDefault ? undefined : () => onChange(defaultFilter)} tokens={<FilterTokens labels={tokenLabels} exact={filter.exact} onRemove={(name) => setExact(name, '')} />}>
      <ModelFilter filter={filter} onChange={(value) => setExact('model', value)} />
      <FilterMenu label="Backend" all="All Backends" options={withChosen(backends, backend).map((value) => ({ value, text: shown(value, (name) => backendNames[name] ?? name) }))} value={backend} onChange={(value) => setExact('backend_type', value)} />
      <FilterMenu
        label="Status"
        all="All Status"
        options={withChosen(Object.keys(statuses), status).map((value) => ({ value, text: shown(value, (name) => Object.entries(statuses).find(([one]) => one === name)?.[1].label ?? name) }))}
        value={status}
        onChange={(value) => setExact('status', value)}
      />
      <TimeRange filter={filter} onChange={onChange} />
    </Filters>
  )
}

const withChosen = (values: string[], chosen: string) => (chosen === '' || values.includes(chosen) ? values : [...values, chosen])

function shown(value: string, name: (value: string) => string) {
  const meant = meaning(value)
  return (meant.excluded ? 'Not ' : '') + visible(name(meant.value))
}

function ModelFilter({ filter, onChange }: { filter: RequestFilter; onChange: (value: string) => void }) {
  const zone = useZone()
  const [isOpen, setOpen] = useState(false)
  const [search, setSearch] = useState('')
  const { data: models, isFetching } = useQuery({ ...modelsQuery(filter, zone.name, search), enabled: isOpen })
  const { model } = filter.exact
  return (
    <FilterPanel
      label="Model"
      all="All models"
      choices={(models ?? []).map(({ name, requests }) => ({ value: literal(name), text: visible(name), description: counted(requests, 'request') }))}
      chosen={model === undefined ? undefined : { value: model, text: shown(model, (name) => name) }}
      isLoading={isOpen && isFetching && models === undefined}
      onSearch={setSearch}
      onOpen={() => setOpen(true)}
      onChange={onChange}
    />
  )
}
