import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useMemo, useRef, useState } from 'react'
import type { Request } from '../api/types'
import { useLive } from '../live/live'
import { api } from '../paths'
import { merged } from './merge'
import { filterKey, requestsQuery } from './requests-query'
import { toApi, type RequestFilter } from './request-filter'

/** Frames that come together are shown together. */
const gatherMs = 100

/** The tiles and the chart follow at most this often. */
const followMs = 1_000

/** Live rows beside the pages at most; beyond, the first page is read anew instead. */
const mostArrivals = 1_000

const none: Request[] = []

interface Arrivals {
  /** The list that they came after. */
  list: string
  shown: Request[]
  waiting: Request[]
  /** Those that wait without being kept. */
  uncounted: number
}

/**
 * The rows of the list: the pages read so far, and what was recorded since. That appears by itself while its reader is at the top,
 * and waits to be asked for otherwise.
 */
export function useRequestRows(filter: RequestFilter, zone: string, isAtTop: () => boolean) {
  const client = useQueryClient()
  const query = requestsQuery(filter, zone)
  const { data, error, isPlaceholderData, hasNextPage, isFetching, isFetchingNextPage, isFetchNextPageError, fetchNextPage, refetch } = useInfiniteQuery(query)
  const key = filterKey(filter, zone)
  const first = isPlaceholderData ? undefined : data?.pages[0]
  const list = `${key} ${first?.liveCursor}`

  const paged = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data])
  const pagedIds = useMemo(() => new Set(paged.map((request) => request.request_id)), [paged])
  const [kept, setArrivals] = useState<Arrivals>({ list, shown: none, waiting: none, uncounted: 0 })
  const arrivals = kept.list === list ? kept : { list, shown: none, waiting: none, uncounted: 0 }
  const rows = useMemo(() => merged(paged, arrivals.shown, hasNextPage), [paged, arrivals.shown, hasNextPage])

  async function reload() {
    // Only the first page: who asks for what is new does not read ten thousand old rows again.
    client.setQueryData(query.queryKey, (before) => before && { pages: before.pages.slice(0, 1), pageParams: before.pageParams.slice(0, 1) })
    await refetch()
  }

  const gathered = useRef<{ list: string; requests: Map<string, Request>; timer: ReturnType<typeof setTimeout> | undefined }>({ list, requests: new Map(), timer: undefined })
  const following = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => {
    const [gathering, waiting] = [gathered, following]
    return () => {
      clearTimeout(gathering.current.timer)
      clearTimeout(waiting.current)
      gathering.current.timer = waiting.current = undefined
    }
  }, [])

  function follow() {
    following.current ??= setTimeout(() => {
      following.current = undefined
      if (client.isFetching({ queryKey: ['requests', 'stats'] }) + client.isFetching({ queryKey: ['requests', 'timeline'] }) > 0) return follow()
      void client.invalidateQueries({ queryKey: ['requests', 'stats'] })
      void client.invalidateQueries({ queryKey: ['requests', 'timeline'] })
    }, followMs)
  }

  function arrive() {
    const { requests } = gathered.current
    gathered.current = { list, requests: new Map(), timer: undefined }
    const atTop = isAtTop()
    setArrivals((before) => {
      const { shown, waiting, uncounted } = before.list === list ? before : { shown: none, waiting: none, uncounted: 0 }
      const had = new Set([...shown, ...waiting].map((request) => request.request_id))
      const fresh = [...requests.values()].filter((request) => !had.has(request.request_id))
      if (atTop) return { list, shown: [...shown, ...waiting, ...fresh], waiting: none, uncounted }
      const room = Math.max(0, mostArrivals - waiting.length)
      return { list, shown, waiting: [...waiting, ...fresh.slice(0, room)], uncounted: uncounted + Math.max(0, fresh.length - room) }
    })
    follow()
  }

  const connection = useLive<Request>({
    path: api.requestsLive,
    filter: key,
    query: () => toApi(filter, zone, new Date()),
    after: first?.liveCursor,
    onRecord: (request) => {
      if (gathered.current.list !== list) {
        clearTimeout(gathered.current.timer)
        gathered.current = { list, requests: new Map(), timer: undefined }
      }
      // The list is read a moment after its place in the log is noted, and may show some of what follows.
      if (pagedIds.has(request.request_id)) return
      gathered.current.requests.set(request.request_id, request)
      gathered.current.timer ??= setTimeout(arrive, gatherMs)
    },
    onError: follow,
  })

  // Too many to keep: the page is read anew, which shows them all.
  const isFull = arrivals.shown.length > mostArrivals || (arrivals.uncounted > 0 && arrivals.waiting.length === 0)
  useEffect(() => {
    if (isFull) void reload()
    // Once for each time that it fills up.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [isFull])

  const waiting = arrivals.waiting.length + arrivals.uncounted
  return {
    /** Undefined until the first page is there. */
    rows: data && rows,
    total: (data?.pages[0]?.total ?? 0) + arrivals.shown.length + waiting,
    /** Ids of rows that came by themselves. */
    arrived: useMemo(() => new Set(arrivals.shown.map((request) => request.request_id)), [arrivals.shown]),
    waiting,
    showWaiting: () => setArrivals({ ...arrivals, shown: [...arrivals.shown, ...arrivals.waiting], waiting: none }),
    connection,
    error,
    isBusy: isPlaceholderData,
    isReloading: isFetching && !isFetchingNextPage,
    hasMore: hasNextPage && !isPlaceholderData,
    isLoadingMore: isFetchingNextPage,
    hasMoreFailed: isFetchNextPageError,
    loadMore: () => void fetchNextPage({ cancelRefetch: false }),
    reload: () => void reload(),
  }
}
