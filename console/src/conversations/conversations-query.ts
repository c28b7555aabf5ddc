import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { get } from '../api/call'
import type { Conversations, ConversationViews, Health } from '../api/types'
import { api } from '../paths'
import { toApi, type ConversationFilter } from './conversation-filter'

export const pageSize = 20

export const conversationsQuery = (filter: ConversationFilter, zone: string) =>
  queryOptions({
    queryKey: ['conversations', 'list', filter, filter.range === null ? zone : ''],
    queryFn: ({ signal }) => get<Conversations>(api.conversations, { ...toApi(filter, zone, new Date()), page: filter.page, page_size: pageSize }, signal),
    placeholderData: keepPreviousData,
  })

/** Whether there is any conversation at all. */
export const hasConversationsQuery = queryOptions({
  queryKey: ['conversations', 'any'],
  queryFn: async ({ signal }) => (await get<Conversations>(api.conversations, { include_deleted: true, page_size: 1 }, signal)).total > 0,
  staleTime: 0,
})

/** Letters of an owner that are worth a search: each one leaves an event. */
export const leastOfOwner = 2

/** What a search for owners is asked with; the same for what finds the same. */
export const ownerPart = (text: string) => text.trim().toLowerCase()

/** Never asked twice for the same: each search leaves an event. */
export const ownersQuery = (part: string) =>
  queryOptions({
    queryKey: ['conversations', 'owners', part],
    queryFn: async ({ signal }) => (await get<{ owners: string[] }>(api.conversationOwners, { q: part }, signal)).owners,
    enabled: part.length >= leastOfOwner,
    staleTime: Infinity,
    gcTime: Infinity,
    retry: false,
  })

/**
 * Who has looked at a conversation.
 * @param turn - Moves on whenever there is one look more, for it is the reader's own.
 */
export const viewsQuery = (id: string, size: number, turn: number) =>
  queryOptions({
    queryKey: ['conversations', 'views', id, size, turn],
    queryFn: ({ signal }) => get<ConversationViews>(api.views(id), { page_size: size }, signal),
    placeholderData: keepPreviousData,
    staleTime: 0,
  })

/** What keeps conversations from being read, in the words of the health of this Cairn. */
export const sourceProblemQuery = queryOptions({
  queryKey: ['conversations', 'problem'],
  queryFn: async ({ signal }) => (await get<Health>(api.health, undefined, signal)).conversations.problem,
  staleTime: 0,
  gcTime: 0,
})
