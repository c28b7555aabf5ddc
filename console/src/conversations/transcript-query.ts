import { infiniteQueryOptions } from '@tanstack/react-query'
import { get } from '../api/call'
import type { Message, Transcript } from '../api/types'
import { api } from '../paths'

export const pageSize = 100

/** A page of a transcript; the API counts them from the oldest. */
export interface TranscriptPage extends Transcript {
  /** The oldest page, where it was read on the way to this one. */
  oldest?: TranscriptPage
}

/** A message and a name for it that stays while older ones are put before it. */
export interface Shown {
  key: string
  message: Message
}

/**
 * The newest messages. How many there are decides which page that is: what is known of it may be out of date, or nothing may be known.
 * @param count - How many there were when last seen; 0 when that is not known.
 */
export async function readNewest(read: (page: number) => Promise<TranscriptPage>, count: number): Promise<TranscriptPage> {
  let page = await read(pagesOf(count))
  const oldest = page.messages.page === 1 ? page : undefined
  // A conversation that grows while it is read is not run after for ever.
  for (let turn = 0; turn < 3 && page.messages.page !== pagesOf(page.messages.total); turn++) page = await read(pagesOf(page.messages.total))
  return page === oldest ? page : { ...page, oldest }
}

const pagesOf = (count: number) => Math.max(1, Math.ceil(count / pageSize))

/**
 * A transcript from its newest messages backwards. Every page that is read leaves an event: nothing is read again by itself, and
 * nothing is kept for the next time that it is opened.
 */
export const transcriptQuery = (id: string, count: number) =>
  infiniteQueryOptions({
    queryKey: ['transcript', id],
    queryFn: ({ pageParam, signal }): Promise<TranscriptPage> | TranscriptPage => {
      const read = (page: number) => get<Transcript>(api.messages(id), { page, page_size: pageSize }, signal)
      return pageParam === 'newest' ? readNewest(read, count) : typeof pageParam === 'number' ? read(pageParam) : pageParam
    },
    initialPageParam: 'newest' as 'newest' | number | TranscriptPage,
    getNextPageParam: () => null,
    getPreviousPageParam: (first, all) => (first.messages.page === 1 ? null : first.messages.page === 2 ? (all.at(-1)!.oldest ?? 1) : first.messages.page - 1),
    staleTime: Infinity,
    gcTime: 0,
    retry: false,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  })

export const shownOf = (pages: TranscriptPage[]): Shown[] => pages.flatMap(({ messages }) => messages.items.map((message, at) => ({ key: `${messages.page}.${at}`, message })))
