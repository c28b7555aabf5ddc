import { everything, logFilterToApi, readLogFilter, writeLogFilter, type LogFilter } from '../filters/log-filter'

export const names = ['owner_email', 'status', 'include_deleted', 'sort'] as const

/** What the Conversations page shows, as its address says it. */
export interface ConversationFilter extends LogFilter<(typeof names)[number]> {
  page: number
}

export const defaultFilter: ConversationFilter = { ...everything, page: 1 }

export function readFilter(parameters: URLSearchParams): ConversationFilter {
  const page = Number(parameters.get('page'))
  return { ...readLogFilter(names, parameters), page: Number.isSafeInteger(page) && page > 0 ? page : 1 }
}

/** @param conversation - The id of the conversation whose transcript is open. */
export const writeFilter = (filter: ConversationFilter, conversation = '') => writeLogFilter(names, filter, [['page', filter.page > 1 ? String(filter.page) : ''], ['conversation', conversation]])

/** The filter as the API takes it. */
export const toApi = (filter: ConversationFilter, zone: string, now: Date) => logFilterToApi(filter, zone, now, 'date_from', 'date_to')
