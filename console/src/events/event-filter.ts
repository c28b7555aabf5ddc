import type { Query } from '../api/call'
import { dateText } from '../ui/time'

/** Filters that name an exact value, by the names of the API's parameters. `!value` excludes; a literal leading `!` is `\!`. */
export const exactNames = ['actorId', 'resource', 'action', 'outcome', 'resourceId', 'ip', 'requestId', 'traceId', 'conversationId'] as const
export type ExactName = (typeof exactNames)[number]

export const ranges = { '24h': 'Last 24 hours', '7d': 'Last 7 days', '30d': 'Last 30 days', '90d': 'Last 90 days', all: 'All time' } as const
export type Range = keyof typeof ranges

const rangeHours = { '24h': 24, '7d': 7 * 24, '30d': 30 * 24, '90d': 90 * 24, all: null } as const

/** What the Events page shows, as its address says it. */
export interface EventFilter {
  search: string
  exact: Partial<Record<ExactName, string>>
  /** Null while two dates say it. */
  range: Range | null
  from: string
  to: string
  /** Whose days the two dates are; so a shared address shows the same rows in another zone. */
  tz: string
  page: number
}

export const defaultFilter: EventFilter = { search: '', exact: {}, range: '7d', from: '', to: '', tz: '', page: 1 }

export function readFilter(parameters: URLSearchParams): EventFilter {
  const text = (name: string) => parameters.get(name) ?? ''
  const [from, to] = [text('from'), text('to')]
  const range = text('range')
  const page = Number(text('page'))
  return {
    search: text('search'),
    exact: Object.fromEntries(exactNames.map((name) => [name, text(name)]).filter(([, value]) => value !== '')) as EventFilter['exact'],
    range: from || to ? null : range in ranges ? (range as Range) : '7d',
    from,
    to,
    tz: from || to ? text('tz') : '',
    page: Number.isSafeInteger(page) && page > 0 ? page : 1,
  }
}

/** The filter as parameters of the address; what is as it is anyway is left out. */
export function writeFilter({ search, exact, range, from, to, tz, page }: EventFilter): URLSearchParams {
  const written: [string, string][] = [
    ['search', search],
    ...exactNames.map((name): [string, string] => [name, exact[name] ?? '']),
    ['range', range === null || range === '7d' ? '' : range],
    ['from', range === null ? from : ''],
    ['to', range === null ? to : ''],
    ['tz', range === null && (from || to) ? tz : ''],
    ['page', page > 1 ? String(page) : ''],
  ]
  return new URLSearchParams(written.filter(([, value]) => value !== ''))
}

/** The filter as the API takes it, for the list, the export and the live connection alike. */
export function toApi(filter: EventFilter, zone: string, now: Date): Query {
  const hours = filter.range === null ? null : rangeHours[filter.range]
  return {
    search: filter.search,
    ...filter.exact,
    from: filter.range === null ? filter.from : hours === null ? '' : new Date(now.getTime() - hours * 3_600_000).toISOString(),
    to: filter.range === null ? filter.to : '',
    tz: filter.range === null ? filter.tz || zone : '',
  }
}

/** The days that the two date fields show; empty where nothing bounds them. */
export function shownDates(filter: EventFilter, time: 'local' | 'utc', now: Date): { from: string; to: string } {
  if (filter.range === null) return { from: filter.from.slice(0, 10), to: filter.to.slice(0, 10) }
  const hours = rangeHours[filter.range]
  return { from: hours === null ? '' : dateText(new Date(now.getTime() - hours * 3_600_000), time), to: '' }
}

/** A value as a filter names it, even one that begins with what excludes. */
export const literal = (value: string) => (value.startsWith('!') ? '\\' + value : value)

/** What a filter's value means to a reader. */
export function meaning(value: string): { excluded: boolean; value: string } {
  if (value.startsWith('!')) return { excluded: true, value: value.slice(1) }
  return { excluded: false, value: value.startsWith('\\!') ? value.slice(1) : value }
}

/** True while anything but the time narrows the list. */
export const isNarrowed = (filter: EventFilter) => filter.search !== '' || Object.keys(filter.exact).length > 0
