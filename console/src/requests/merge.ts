import type { Request } from '../api/types'

/** Newest first, as the list has them; of one millisecond, the one recorded later. */
const isNewer = (a: Request, b: Request) => (a.timestamp === b.timestamp ? a.id > b.id : a.timestamp > b.timestamp)

/**
 * Rows that arrived live, each in its place among those that were read. A request stands where it started, which may be a while
 * before others that ended sooner.
 * @param hasMore - There are rows below the last one, so that what belongs there comes with them.
 */
export function merged(read: Request[], arrived: Request[], hasMore: boolean): Request[] {
  const ids = new Set(read.map((request) => request.request_id))
  const last = read.at(-1)
  const fresh = arrived.filter((request) => !ids.has(request.request_id) && !(hasMore && last && isNewer(last, request))).sort((a, b) => (isNewer(a, b) ? -1 : 1))
  if (fresh.length === 0) return read
  const rows: Request[] = []
  let next = 0
  for (const request of read) {
    while (next < fresh.length && isNewer(fresh[next]!, request)) rows.push(fresh[next++]!)
    rows.push(request)
  }
  return [...rows, ...fresh.slice(next)]
}
