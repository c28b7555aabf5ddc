import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { withQuery, type Query } from '../api/call'
import type { AuditEvent } from '../api/types'
import { api } from '../paths'
import { meQuery } from '../session/session'

type Frame = { type: 'log'; data: AuditEvent; cursor: string } | { type: 'ping' } | { type: 'error'; message: string }

const reconnectAfterMs = 5_000

/** The server's word that the session is over. */
const sessionEnded = 1008

/**
 * How many matching events were recorded since a list was read. The connection takes up at the list's own place in the log, and
 * after a break at the last frame's, so that nothing is missed or counted twice.
 * @param filter - What the query is made of: another one begins anew.
 */
export function useNewEvents(filter: string, query: () => Query, after: string | undefined, shown: AuditEvent[]): { count: number; isLive: boolean } {
  const client = useQueryClient()
  const [counted, setCounted] = useState({ after, count: 0 })
  const [isLive, setLive] = useState(false)

  useEffect(() => {
    if (!after) return
    const known = new Set(shown.map((event) => event.id))
    let cursor = after
    let socket: WebSocket
    let waiting: ReturnType<typeof setTimeout>
    let isLeft = false

    function connect() {
      socket = new WebSocket(withQuery(api.eventsLive, { ...query(), after: cursor }))
      socket.onopen = () => setLive(true)
      socket.onmessage = ({ data }: MessageEvent<string>) => {
        const frame = JSON.parse(data) as Frame
        if (frame.type !== 'log') return
        cursor = frame.cursor
        if (known.has(frame.data.id)) return
        known.add(frame.data.id)
        setCounted((before) => ({ after, count: before.after === after ? before.count + 1 : 1 }))
      }
      socket.onclose = ({ code }) => {
        if (isLeft) return
        setLive(false)
        if (code === sessionEnded) void client.invalidateQueries(meQuery)
        waiting = setTimeout(connect, reconnectAfterMs)
      }
    }

    connect()
    return () => {
      isLeft = true
      clearTimeout(waiting)
      socket.close()
    }
    // What is shown changes with the place that it was read at, and the query with the filter and the clock.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [filter, after, client])

  return { count: counted.after === after ? counted.count : 0, isLive }
}
