import { describe, expect, it } from 'vitest'
import { defaultFilter, readFilter, toApi, writeFilter, type ConversationFilter } from './conversation-filter'

const now = new Date('2026-03-10T12:00:00Z')

describe('the filter of the Conversations page', () => {
  it.each<ConversationFilter>([
    defaultFilter,
    { ...defaultFilter, search: 'a & b', exact: { owner_email: 'ada@example.com', status: 'archived', sort: 'updated_at' }, page: 4 },
    { ...defaultFilter, range: null, from: '2026-01-01', to: '2026-01-31', tz: 'Europe/Berlin', exact: { include_deleted: 'true' } },
  ])('comes back from its own address, with a conversation open or not', (filter) => {
    expect(readFilter(writeFilter(filter))).toEqual(filter)
    expect(readFilter(writeFilter(filter, 'c/1'))).toEqual(filter)
    expect(writeFilter(filter, 'c/1').get('conversation')).toBe('c/1')
  })

  it('asks the API for what the address says, by its names', () => {
    expect(toApi(readFilter(new URLSearchParams('owner_email=%21ada&include_deleted=true&range=24h')), 'UTC', now)).toEqual({ search: '', owner_email: '!ada', include_deleted: 'true', date_from: '2026-03-09T12:00:00.000Z', date_to: '', tz: '' })
  })
})
