import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { fireEvent, render, screen, waitFor, within } from '@testing-library/react'
import { createRef } from 'react'
import { MemoryRouter } from 'react-router'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Message } from '../api/types'
import { someConversation, someMessages } from './some.test-data'
import { Transcript } from './Transcript'

/** What the page watches for coming into sight, which the test decides. */
let comesNear: (() => void)[] = []

beforeEach(() => {
  comesNear = []
  vi.stubGlobal('IntersectionObserver', class {
    near: () => void
    constructor(tell: (seen: { isIntersecting: boolean }[]) => void) {
      this.near = () => tell([{ isIntersecting: true }])
    }
    observe() {
      comesNear.push(this.near)
    }
    disconnect() {
      comesNear = comesNear.filter((one) => one !== this.near)
    }
  })
  Element.prototype.scrollIntoView = vi.fn()
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }))
})

/** Opens the transcript of these messages. Pages that are held come when the test lets them. */
function open(messages: Message[], known = messages.length) {
  const asked: number[] = []
  const held: (() => void)[] = []
  const server = { asked, held, holds: false }
  vi.stubGlobal('fetch', async (address: string) => {
    const url = new URL(address, 'http://cairn')
    const answer = (body: unknown) => new Response(JSON.stringify(body), { status: 200 })
    if (url.pathname.endsWith('/views')) return answer({ items: [{ event_id: 'e', viewed_at: '2026-03-10T12:00:00.000Z', viewer_id: 'u', viewer_name: null, viewer_email: 'ada@example.com' }], total: asked.length, page: 1, page_size: 20, has_more: false, next_cursor: null })
    const page = Number(url.searchParams.get('page'))
    asked.push(page)
    if (server.holds) await new Promise<void>((resolve) => held.push(resolve))
    const items = messages.slice((page - 1) * 100, page * 100)
    return answer({ conversation: someConversation({ message_count: messages.length }), messages: { items, total: messages.length, page, page_size: 100, has_more: page * 100 < messages.length, next_cursor: null } })
  })
  const shown = render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <MemoryRouter>
        <Transcript id="c1" known={someConversation({ message_count: known })} returnFocusRef={createRef<HTMLElement>()} onClose={() => undefined} />
      </MemoryRouter>
    </QueryClientProvider>,
  )
  return { ...shown, server }
}

const many = (count: number) => someMessages(...Array.from({ length: count }, (_, at) => (at % 50 === 10 ? `needle ${at}` : `hay ${at}`)))
const field = () => screen.getByRole('searchbox', { name: 'Find in transcript' })
const look = (text: string) => fireEvent.change(field(), { target: { value: text } })
const listed = () => within(screen.getByRole('list', { name: '' })).getAllByRole('listitem')

describe('the transcript', () => {
  it('shows what is hostile as text, and code as code', async () => {
    open(someMessages('<img src=x onerror=alert(1)> [a](javascript:alert(1)) https://evil.example', '```sh\n<script>alert(1)</script>\n```\n![x](https://evil.example/x.png)'))
    expect(await screen.findByText('<img src=x onerror=alert(1)> [a](javascript:alert(1)) https://evil.example')).toBeTruthy()
    expect(screen.getByRole('group', { name: 'Code, sh' }).textContent).toBe('<script>alert(1)</script>')
    expect(screen.getByRole('button', { name: 'Copy code' })).toBeTruthy()
    expect(document.querySelector('[role=dialog] img, [role=dialog] script, [role=dialog] ol a')).toBeNull()
  })

  it('begins with the newest messages, and reads older ones once each as they come near', async () => {
    const { server } = open(many(250))
    await screen.findByText('hay 249')
    expect(screen.queryByText('hay 199')).toBeNull()
    comesNear.forEach((near) => near())
    comesNear.forEach((near) => near())
    await screen.findByText('hay 100')
    expect(screen.getByText('100 older messages loaded, 150 of 250')).toBeTruthy()
    fireEvent.click(screen.getByRole('button', { name: 'Load older' }))
    await screen.findByText('The beginning of the conversation')
    expect(server.asked).toEqual([3, 2, 1])
    expect(listed().map((item) => item.querySelector('p')!.textContent)).toEqual(many(250).map((message) => message.content))
  })

  it('finds among what is loaded, says what is not, and stays with a match while older ones come', async () => {
    open(many(250))
    await screen.findByText('hay 249')
    look('NEEDLE')
    expect(await screen.findByText('1 of 1 in the newest 50 messages; older ones are not loaded yet')).toBeTruthy()
    fireEvent.click(screen.getByRole('button', { name: 'Load all 250' }))
    expect(await screen.findByText('5 of 5')).toBeTruthy()
    const current = () => document.querySelector('mark[aria-current]')!.closest('p')!.textContent
    expect(current()).toBe('needle 210')
    fireEvent.keyDown(field(), { key: 'Enter' })
    expect(current()).toBe('needle 160')
    fireEvent.click(screen.getByRole('button', { name: 'Next match' }))
    fireEvent.click(screen.getByRole('button', { name: 'Next match' }))
    expect([current(), screen.getByText('1 of 5').textContent]).toEqual(['needle 10', '1 of 5'])
    expect(document.querySelectorAll('mark')).toHaveLength(5)
  })

  it('opens a long message for a match in its hidden part', async () => {
    open(someMessages('a'.repeat(6_000) + ' the end', 'short'))
    await screen.findByRole('button', { name: 'Show all 6\u00a0008 characters' })
    expect(screen.queryByText(/the end/)).toBeNull()
    look('the end')
    expect((await screen.findByText('the end')).tagName).toBe('MARK')
    look('')
    fireEvent.click(await screen.findByRole('button', { name: 'Show all 6\u00a0008 characters' }))
    expect(screen.getByText(/the end/)).toBeTruthy()
  })

  it('reads nothing more once it was closed', async () => {
    const { server, unmount } = open(many(450))
    await screen.findByText('hay 449')
    look('x')
    server.holds = true
    fireEvent.click(await screen.findByRole('button', { name: 'Load all 450' }))
    await waitFor(() => expect(server.held).toHaveLength(1))
    unmount()
    server.held.forEach((letGo) => letGo())
    await new Promise<void>((resolve) => setTimeout(resolve, 0))
    expect(server.asked).toEqual([5, 4])
  })
})
