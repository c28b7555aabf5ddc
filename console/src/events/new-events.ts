import { useRef, useState } from 'react'
import type { Query } from '../api/call'
import type { AuditEvent } from '../api/types'
import { useLive } from '../live/live'
import { api } from '../paths'

/** How many matching events were recorded since a list was read. */
export function useNewEvents(filter: string, query: () => Query, after: string | undefined, shown: AuditEvent[]): { count: number; isLive: boolean } {
  const [counted, setCounted] = useState({ after, count: 0 })
  const known = useRef({ after, ids: new Set<string>() })
  const connection = useLive<AuditEvent>({
    path: api.eventsLive,
    filter,
    query,
    after,
    onRecord: (event) => {
      if (known.current.after !== after) known.current = { after, ids: new Set() }
      const { ids } = known.current
      // The list is read a moment after its place in the log is noted, and may show some of what follows.
      if (ids.has(event.id) || shown.some((one) => one.id === event.id)) return
      ids.add(event.id)
      setCounted((before) => ({ after, count: before.after === after ? before.count + 1 : 1 }))
    },
  })
  return { count: counted.after === after ? counted.count : 0, isLive: connection === 'live' }
}
