import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useEffectEvent, useState } from 'react'
import { withQuery, type Query } from '../api/call'
import { meQuery } from '../session/session'

type Frame<T> = { type: 'log'; data: T; cursor: string } | { type: 'ping' } | { type: 'error'; message: string }

/** Offline until a connection stands again: what is recorded meanwhile comes then. */
export type Connection = 'connecting' | 'live' | 'offline'

const reconnectAfterMs = 5_000

/** The server's word that the session is over. */
const sessionEnded = 1008

/**
 * Follows a log. The connection takes up at a place in the log, and after a break at the last frame's, so that nothing is
 * missed or comes twice.
 * @param filter - What the query is made of: another one begins anew.
 * @param onError - A part of what is followed is gone, or all of it.
 * @param after - The place to follow from; undefined while it is not known.
 */
export function useLive<T>({ path, filter, query, after, onRecord, onError }: { path: string; filter: string; query: () => Query; after: string | undefined; onRecord: (record: T) => void; onError?: () => void }): Connection {
  const client = useQueryClient()
  const [connection, setConnection] = useState<Connection>('connecting')
  const address = useEffectEvent((cursor: string) => withQuery(path, { ...query(), after: cursor }))
  const receive = useEffectEvent(onRecord)
  const fail = useEffectEvent(() => onError?.())

  useEffect(() => {
    if (after === undefined) return
    let cursor = after
    let socket: WebSocket
    let waiting: ReturnType<typeof setTimeout>
    let isLeft = false

    function connect() {
      socket = new WebSocket(address(cursor))
      socket.onopen = () => setConnection('live')
      socket.onmessage = ({ data }: MessageEvent<string>) => {
        if (isLeft) return
        const frame = JSON.parse(data) as Frame<T>
        if (frame.type === 'error') fail()
        if (frame.type !== 'log') return
        cursor = frame.cursor
        receive(frame.data)
      }
      socket.onclose = ({ code }) => {
        if (isLeft) return
        setConnection('offline')
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
  }, [path, filter, after, client])

  return connection
}
