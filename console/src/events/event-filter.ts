import { everything, logFilterToApi, rangeStart, readLogFilter, writeLogFilter, type LogFilter } from '../filters/log-filter'
import { dateText } from '../ui/time'

export const exactNames = ['actorId', 'resource', 'action', 'outcome', 'resourceId', 'ip', 'requestId', 'traceId', 'conversationId'] as const
export type ExactName = (typeof exactNames)[number]

/** What the Events page shows, as its address says it. */
export interface EventFilter extends LogFilter<ExactName> {
  page: number
}

export const defaultFilter: EventFilter = { ...everything, page: 1 }

export function readFilter(parameters: URLSearchParams): EventFilter {
  const page = Number(parameters.get('page'))
  return { ...readLogFilter(exactNames, parameters), page: Number.isSafeInteger(page) && page > 0 ? page : 1 }
}

export const writeFilter = (filter: EventFilter) => writeLogFilter(exactNames, filter, [['page', filter.page > 1 ? String(filter.page) : '']])

/** The filter as the API takes it. */
export const toApi = (filter: EventFilter, zone: string, now: Date) => logFilterToApi(filter, zone, now, 'from', 'to')

/** The days that the two date fields show; empty where nothing bounds them. */
export function shownDates(filter: EventFilter, time: 'local' | 'utc', now: Date): { from: string; to: string } {
  if (filter.range === null) return { from: filter.from.slice(0, 10), to: filter.to.slice(0, 10) }
  const start = rangeStart(filter.range, now)
  return { from: start === null ? '' : dateText(start, time), to: '' }
}
