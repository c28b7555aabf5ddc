import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { fireEvent, render, screen } from '@testing-library/react'
import { MemoryRouter } from 'react-router'
import { describe, expect, it } from 'vitest'
import { RequestPanel } from './RequestPanel'
import { someRequest } from './some.test-data'

function show(request = someRequest()) {
  const filters: [string, string][] = []
  render(
    <QueryClientProvider client={new QueryClient()}>
      <MemoryRouter>
        <RequestPanel id={request.request_id} known={request} newer={undefined} older={undefined} onOpen={() => undefined} onFilter={(name, value) => filters.push([name, value])} onClose={() => undefined} />
      </MemoryRouter>
    </QueryClientProvider>,
  )
  return filters
}

describe('the panel of a request', () => {
  it('shows what is hostile as text', () => {
    show(someRequest({ model: '<img src=x onerror=alert(1)>', status: 'error', error_type: '<b>bad</b>', error_message: 'see javascript:alert(1) \u202egpj' }))
    expect(screen.getByText('<img src=x onerror=alert(1)>')).toBeTruthy()
    expect(screen.getByText('<b>bad</b>')).toBeTruthy()
    expect(screen.getByText('see javascript:alert(1) ⟨U+202E⟩gpj')).toBeTruthy()
    expect(document.querySelector('[role=dialog] img, [role=dialog] b')).toBeNull()
  })

  it('narrows the list to a value, even one that reads like an exclusion', () => {
    const filters = show(someRequest({ model: '!odd', session_id: 's1' }))
    fireEvent.click(screen.getByRole('button', { name: '!odd' }))
    fireEvent.click(screen.getByRole('button', { name: 's1' }))
    expect(filters).toEqual([['model', '\\!odd'], ['session_id', 's1']])
  })

  it('leads to the events that belong to it', () => {
    show(someRequest({ trace_id: 't1', conversation_id: 'c1' }))
    const leadsTo = (name: string) => screen.getByRole('link', { name }).getAttribute('href')
    expect(leadsTo('Events of this trace')).toBe('/admin/audit-logs?traceId=t1&range=all')
    expect(leadsTo('Events of this conversation')).toBe('/admin/audit-logs?conversationId=c1&range=all')
    expect(leadsTo('Events of this request')).toBe('/admin/audit-logs?requestId=chatcmpl-0123456789abcdef01234567&range=all')
  })
})
