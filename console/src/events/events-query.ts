import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { get } from '../api/call'
import type { Actor, AuditEvent, Catalog, Events } from '../api/types'
import { api } from '../paths'
import { toApi, type EventFilter } from './event-filter'

export const pageSize = 25

export const eventsQuery = (filter: EventFilter, zone: string) =>
  queryOptions({
    queryKey: ['events', filter, filter.range === null ? zone : ''],
    queryFn: ({ signal }) => get<Events>(api.events, { ...toApi(filter, zone, new Date()), page: filter.page, limit: pageSize }, signal),
    placeholderData: keepPreviousData,
  })

export const eventQuery = (id: string) => queryOptions({ queryKey: ['event', id], queryFn: ({ signal }) => get<AuditEvent>(api.event(id), undefined, signal) })

/** Whether the log holds anything at all. */
export const hasEventsQuery = queryOptions({
  queryKey: ['events', 'any'],
  queryFn: async ({ signal }) => (await get<Events>(api.events, { limit: 1 }, signal)).total > 0,
  staleTime: 0,
})

export const actorsQuery = (q: string) =>
  queryOptions({
    queryKey: ['actors', q],
    queryFn: ({ signal }) => get<Actor[]>(api.actors, { q, limit: 200 }, signal),
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  })

export const catalogQuery = queryOptions({
  queryKey: ['catalog'],
  queryFn: ({ signal }) => get<Catalog>(api.catalog, undefined, signal),
  staleTime: 300_000,
})
