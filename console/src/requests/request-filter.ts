import { everything, logFilterToApi, readLogFilter, writeLogFilter, type LogFilter } from '../filters/log-filter'

export const exactNames = ['model', 'backend_type', 'status', 'endpoint', 'api_key_id', 'user', 'client_ip', 'trace_id', 'session_id', 'conversation_id'] as const
export type ExactName = (typeof exactNames)[number]

/** What the Requests page shows, as its address says it. */
export type RequestFilter = LogFilter<ExactName>

export const defaultFilter: RequestFilter = everything

export const readFilter = (parameters: URLSearchParams): RequestFilter => readLogFilter(exactNames, parameters)

/** @param request - The id of the request that the side panel shows. */
export const writeFilter = (filter: RequestFilter, request = '') => writeLogFilter(exactNames, filter, [['request', request]])

/** The filter as the API takes it. */
export const toApi = (filter: RequestFilter, zone: string, now: Date) => logFilterToApi(filter, zone, now, 'start_time', 'end_time')
