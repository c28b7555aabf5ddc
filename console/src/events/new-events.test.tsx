import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { act, renderHook } from '@testing-library/react'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { AuditEvent } from '../api/types'
import { useNewEvents } from './new-events'

/** The other end of the connection, held by the test. */
class Socket {
  static opened: Socket[] = []
  onopen = () => undefined as void
  onmessage = (_: { data: string }) => undefined as void
  onclose = (_: { code: number }) => undefined as void
  isClosed = false
  readonly address: URL
  constructor(address: string) {
    this.address = new URL(address, 'http://cairn')
    Socket.opened.push(this)
  }
  close() {
    this.isClosed = true
  }
  send(id: string, cursor: string) {
    this.onmessage({ data: JSON.stringify({ type: 'log', data: { id }, cursor }) })
  }
}

beforeEach(() => {
  Socket.opened = []
  vi.useFakeTimers()
  vi.stubGlobal('WebSocket', Socket)
})
afterEach(() => vi.useRealTimers())

function follow(after: string, shown: string[] = []) {
  const client = new QueryClient()
  return renderHook(({ place }) => useNewEvents('filter', () => ({ action: 'a' }), place, shown.map((id) => ({ id }) as AuditEvent)), {
    initialProps: { place: after },
    wrapper: ({ children }) => <QueryClientProvider client={client}>{children}</QueryClientProvider>,
  })
}

it('takes up where the list was read, and counts what is not in it', () => {
  const { result } = follow('place', ['shown'])
  const socket = Socket.opened[0]!
  expect(socket.address.search).toBe('?action=a&after=place')
  act(() => {
    socket.onopen()
    socket.send('shown', 'c1')
    socket.send('new', 'c2')
    socket.send('new', 'c2')
    socket.onmessage({ data: '{"type":"ping"}' })
  })
  expect(result.current).toEqual({ count: 1, isLive: true })
})

it('comes back five seconds after a break, at the last frame', () => {
  const { result } = follow('place')
  act(() => {
    Socket.opened[0]!.onopen()
    Socket.opened[0]!.send('one', 'c1')
    Socket.opened[0]!.onclose({ code: 1006 })
  })
  expect(result.current).toEqual({ count: 1, isLive: false })
  act(() => vi.advanceTimersByTime(4_999))
  expect(Socket.opened).toHaveLength(1)
  act(() => vi.advanceTimersByTime(1))
  expect(Socket.opened[1]!.address.searchParams.get('after')).toBe('c1')
  act(() => Socket.opened[1]!.send('two', 'c2'))
  expect(result.current.count).toBe(2)
})

it('begins anew with a list that was read anew, and ends with the page', () => {
  const { result, rerender, unmount } = follow('place')
  act(() => Socket.opened[0]!.send('one', 'c1'))
  rerender({ place: 'later' })
  expect(result.current.count).toBe(0)
  expect(Socket.opened[0]!.isClosed).toBe(true)
  unmount()
  expect(Socket.opened[1]!.isClosed).toBe(true)
  act(() => {
    Socket.opened[1]!.onclose({ code: 1000 })
    vi.advanceTimersByTime(60_000)
  })
  expect(Socket.opened).toHaveLength(2)
})
