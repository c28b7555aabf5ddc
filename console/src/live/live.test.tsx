import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { act, render, screen } from '@testing-library/react'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { useLive } from './live'

/** A socket that does what a test says. */
class Socket {
  static all: Socket[] = []
  onopen?: () => void
  onmessage?: (message: { data: string }) => void
  onclose?: (close: { code: number }) => void
  isClosed = false
  readonly address: string

  constructor(address: string) {
    this.address = address
    Socket.all.push(this)
  }

  close() {
    this.isClosed = true
  }

  record(id: string, cursor: string) {
    this.onmessage?.({ data: JSON.stringify({ type: 'log', data: { id }, cursor }) })
  }
}

const received: string[] = []

function Page({ filter, after }: { filter: string; after: string | undefined }) {
  return <p>{useLive<{ id: string }>({ path: '/ws', filter, query: () => ({ model: filter }), after, onRecord: ({ id }) => received.push(id) })}</p>
}

const page = (filter: string, after: string | undefined) => <QueryClientProvider client={new QueryClient()}><Page filter={filter} after={after} /></QueryClientProvider>
const real = globalThis.WebSocket

beforeEach(() => {
  Socket.all = []
  received.length = 0
  globalThis.WebSocket = Socket as unknown as typeof WebSocket
  vi.useFakeTimers()
})

afterEach(() => {
  globalThis.WebSocket = real
  vi.useRealTimers()
})

describe('a live connection', () => {
  it('waits for the place to follow from, and takes up there', () => {
    const { rerender } = render(page('a', undefined))
    expect(Socket.all).toEqual([])
    rerender(page('a', 'C0'))
    expect(Socket.all.map((socket) => socket.address)).toEqual(['/ws?model=a&after=C0'])
    expect(screen.getByText('connecting')).toBeTruthy()
  })

  it('comes back after five seconds, from the last record', () => {
    render(page('a', 'C0'))
    act(() => Socket.all[0]!.onopen!())
    expect(screen.getByText('live')).toBeTruthy()
    act(() => {
      Socket.all[0]!.record('r1', 'C1')
      Socket.all[0]!.onmessage!({ data: '{"type":"ping"}' })
      Socket.all[0]!.onmessage!({ data: '{"type":"error","message":"gone"}' })
      Socket.all[0]!.onclose!({ code: 1006 })
    })
    expect(screen.getByText('offline')).toBeTruthy()
    act(() => void vi.advanceTimersByTime(4_999))
    expect(Socket.all).toHaveLength(1)
    act(() => void vi.advanceTimersByTime(1))
    expect(Socket.all[1]!.address).toBe('/ws?model=a&after=C1')
    act(() => Socket.all[1]!.onopen!())
    expect(screen.getByText('live')).toBeTruthy()
    expect(received).toEqual(['r1'])
  })

  it('hears nothing more of a filter that was left', () => {
    const { rerender, unmount } = render(page('a', 'C0'))
    rerender(page('b', 'C0'))
    expect(Socket.all.map((socket) => socket.isClosed)).toEqual([true, false])
    act(() => {
      Socket.all[0]!.record('old', 'C1')
      Socket.all[0]!.onclose!({ code: 1000 })
      vi.advanceTimersByTime(60_000)
    })
    expect(received).toEqual([])
    expect(Socket.all).toHaveLength(2)
    unmount()
    expect(Socket.all[1]!.isClosed).toBe(true)
  })
})
