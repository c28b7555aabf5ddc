import type { Conversation, Message } from '../api/types'

export const someConversation = (given: Partial<Conversation> = {}): Conversation => ({
  id: 'c1',
  title: 'Travel costs',
  owner_id: 'ada@example.com',
  created_at: '2026-03-10T12:00:00.000Z',
  updated_at: '2026-03-10T13:00:00.000Z',
  last_message_at: '2026-03-10T13:00:00.000Z',
  message_count: 2,
  status: 'active',
  tags: [],
  shared_with: [],
  is_public: false,
  ...given,
})

export const someMessages = (...contents: string[]): Message[] =>
  contents.map((content, at) => ({ id: `m${at}`, role: at % 2 === 0 ? 'user' : 'assistant', content, created_at: '2026-03-10T12:00:00.000Z', sender_email: null, metadata: null }))
