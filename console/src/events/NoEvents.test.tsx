import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { expect, it, vi } from 'vitest'
import { NoEvents } from './EventsPage'
import { hasEventsQuery } from './events-query'

function show(hasEvents: boolean) {
  const client = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } })
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify({ items: [], total: hasEvents ? 1 : 0, page: 1, limit: 1, nextCursor: null, liveCursor: 'x' }), { status: 200 })))
  client.setQueryData(hasEventsQuery.queryKey, hasEvents)
  const onClear = vi.fn()
  render(
    <QueryClientProvider client={client}>
      <NoEvents isBusy={false} onClear={onClear} />
    </QueryClientProvider>,
  )
  return onClear
}

it('says that nothing matches while the log holds something, and offers to clear the filters', async () => {
  const onClear = show(true)
  expect(await screen.findByRole('heading', { name: 'No audit log entries match your filters.' })).toBeTruthy()
  await userEvent.click(screen.getByRole('button', { name: 'Clear filters' }))
  expect(onClear).toHaveBeenCalledOnce()
})

it('says that the log is empty while it is, and offers no filter to clear', async () => {
  show(false)
  expect(await screen.findByRole('heading', { name: 'No audit events have been recorded yet.' })).toBeTruthy()
  expect(screen.queryByRole('button', { name: 'Clear filters' })).toBeNull()
})
