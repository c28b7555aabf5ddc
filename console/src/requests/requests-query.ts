import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query'
import { get, open, withQuery, type Query } from '../api/call'
import type { Request, Stats, Timeline } from '../api/types'
import { api } from '../paths'
import { toApi, writeFilter, type RequestFilter } from './request-filter'

export const pageSize = 50

export interface RequestPage {
  items: Request[]
  total: number
  next: string | null
  /** Where to follow from, so that nothing is missed that this page does not show. */
  liveCursor: string
  /** What was asked for; the pages after this one ask for the same, whatever the time is then. */
  query: Query
}

async function readPage(query: Query, cursor: string, signal: AbortSignal): Promise<RequestPage> {
  const answer = await open(withQuery(api.requests, { ...query, limit: pageSize, cursor }), { signal })
  const { headers } = answer
  return {
    items: (await answer.json()) as Request[],
    total: Number(headers.get('X-Total-Count')),
    next: headers.get('X-Next-Cursor'),
    liveCursor: headers.get('X-Live-Cursor') ?? '',
    query,
  }
}

/** What a filter is, to queries: the same text for the same records. */
export const filterKey = (filter: RequestFilter, zone: string) => `${writeFilter(filter)} ${filter.range === null ? zone : ''}`

/** Read once; what is recorded later comes live. */
export const requestsQuery = (filter: RequestFilter, zone: string) =>
  infiniteQueryOptions({
    queryKey: ['requests', 'list', filterKey(filter, zone)],
    queryFn: ({ pageParam, signal }) => readPage(pageParam?.query ?? toApi(filter, zone, new Date()), pageParam?.next ?? '', signal),
    initialPageParam: null as RequestPage | null,
    getNextPageParam: (last: RequestPage) => (last.next === null ? null : last),
    placeholderData: keepPreviousData,
    staleTime: Infinity,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  })

export const statsQuery = (filter: RequestFilter, zone: string) =>
  queryOptions({
    queryKey: ['requests', 'stats', filterKey(filter, zone)],
    queryFn: async ({ signal }) => {
      const answer = await open(withQuery(api.requestStats, toApi(filter, zone, new Date())), { signal })
      const away = answer.headers.get('X-Gateways-Unavailable')
      return { stats: (await answer.json()) as Stats, away: away ? away.split(', ').map(decodeURIComponent) : [] }
    },
    placeholderData: keepPreviousData,
    // Nobody says when a gateway is back.
    refetchInterval: ({ state }) => (state.data && state.data.away.length > 0 ? 15_000 : false),
  })

export const timelineQuery = (filter: RequestFilter, zone: string) =>
  queryOptions({
    // Its days are those of the zone, whatever the filter's are.
    queryKey: ['requests', 'timeline', writeFilter(filter).toString(), zone],
    queryFn: async ({ signal }) => {
      const now = new Date()
      const query = toApi(filter, zone, now)
      return { timeline: await get<Timeline>(api.requestTimeline, { ...query, tz: query.tz || zone }, signal), until: now.getTime() }
    },
    placeholderData: keepPreviousData,
  })

/** Every model that a filter leaves, but for the filter's own; with a text, those that have it in their name. */
export const modelsQuery = (filter: RequestFilter, zone: string, text: string) => {
  const others = { ...filter, exact: { ...filter.exact, model: undefined }, search: text || filter.search }
  return queryOptions({
    queryKey: ['requests', 'models', filterKey(others, zone)],
    queryFn: async ({ signal }) => {
      const { by_model } = await get<Stats>(api.requestStats, toApi(others, zone, new Date()), signal)
      return Object.entries(by_model)
        .filter(([name]) => name !== '' && name.toLowerCase().includes(text.toLowerCase()))
        .map(([name, { requests }]) => ({ name, requests }))
    },
    placeholderData: keepPreviousData,
  })
}

/** One request by its whole id, whenever it was; null when the log holds none. */
export const requestQuery = (id: string) =>
  queryOptions({
    queryKey: ['request', id],
    queryFn: async ({ signal }) => (await get<Request[]>(api.requests, { search: id, limit: 10 }, signal)).find((one) => one.request_id === id) ?? null,
    staleTime: 300_000,
  })
