import type { Query } from '../api/call'

export const ranges = { '1h': 'Last hour', '24h': 'Last 24 hours', '7d': 'Last 7 days', '30d': 'Last 30 days', '90d': 'Last 90 days', all: 'All time' } as const
export type Range = keyof typeof ranges

export const defaultRange: Range = '7d'

const rangeHours: Record<Range, number | null> = { '1h': 1, '24h': 24, '7d': 7 * 24, '30d': 30 * 24, '90d': 90 * 24, all: null }

/** What a page shows of a log, as its address says it. */
export interface LogFilter<Name extends string> {
  search: string
  /** Filters that name an exact value, by the names of the API's parameters. `!value` excludes; a literal leading `!` is `\!`. */
  exact: Partial<Record<Name, string>>
  /** Null while two moments say it. */
  range: Range | null
  from: string
  to: string
  /** Whose days two dates are; so a shared address shows the same rows in another zone. */
  tz: string
}

export const everything = { search: '', exact: {}, range: defaultRange, from: '', to: '', tz: '' } as const satisfies LogFilter<never>

export function readLogFilter<Name extends string>(names: readonly Name[], parameters: URLSearchParams): LogFilter<Name> {
  const text = (name: string) => parameters.get(name) ?? ''
  const [from, to, range] = [text('from'), text('to'), text('range')]
  return {
    search: text('search'),
    exact: Object.fromEntries(names.map((name) => [name, text(name)]).filter(([, value]) => value !== '')) as LogFilter<Name>['exact'],
    range: from || to ? null : range in ranges ? (range as Range) : defaultRange,
    from,
    to,
    tz: from || to ? text('tz') : '',
  }
}

/** The filter as parameters of the address; what is as it is anyway is left out. */
export function writeLogFilter<Name extends string>(names: readonly Name[], { search, exact, range, from, to, tz }: LogFilter<Name>, more: [string, string][] = []): URLSearchParams {
  const written: [string, string][] = [
    ['search', search],
    ...names.map((name): [string, string] => [name, exact[name] ?? '']),
    ['range', range === null || range === defaultRange ? '' : range],
    ['from', range === null ? from : ''],
    ['to', range === null ? to : ''],
    ['tz', range === null && (from || to) ? tz : ''],
    ...more,
  ]
  return new URLSearchParams(written.filter(([, value]) => value !== ''))
}

/** When a range begins; null when nothing bounds it. */
export function rangeStart(range: Range, now: Date): Date | null {
  const hours = rangeHours[range]
  return hours === null ? null : new Date(now.getTime() - hours * 3_600_000)
}

/** The filter as the API takes it, for the list, the export and the live connection alike. */
export function logFilterToApi<Name extends string>(filter: LogFilter<Name>, zone: string, now: Date, from: string, to: string): Query {
  return {
    search: filter.search,
    ...filter.exact,
    [from]: filter.range === null ? filter.from : (rangeStart(filter.range, now)?.toISOString() ?? ''),
    [to]: filter.range === null ? filter.to : '',
    tz: filter.range === null ? filter.tz || zone : '',
  }
}

/** A value as a filter names it, even one that begins with what excludes. */
export const literal = (value: string) => (value.startsWith('!') ? '\\' + value : value)

/** What a filter's value means to a reader. */
export function meaning(value: string): { excluded: boolean; value: string } {
  if (value.startsWith('!')) return { excluded: true, value: value.slice(1) }
  return { excluded: false, value: value.startsWith('\\!') ? value.slice(1) : value }
}

/** True while anything but the time narrows the list. */
export const isNarrowed = (filter: LogFilter<string>) => filter.search !== '' || Object.keys(filter.exact).length > 0
