import { describe, expect, it } from 'vitest'
import { literal, meaning } from '../filters/log-filter'
import { defaultFilter, readFilter, shownDates, toApi, writeFilter, type EventFilter } from './event-filter'

const now = new Date('2026-03-10T12:00:00Z')
const read = (address: string) => readFilter(new URLSearchParams(address))

describe('the filter of the Events page', () => {
  it('is the last seven days when the address says nothing', () => {
    expect(read('')).toEqual(defaultFilter)
    expect(toApi(read(''), 'UTC', now)).toEqual({ search: '', from: '2026-03-03T12:00:00.000Z', to: '', tz: '' })
  })

  it.each<EventFilter>([
    defaultFilter,
    { ...defaultFilter, search: 'a & b = ü', page: 3 },
    { ...defaultFilter, range: 'all', exact: { actorId: 'System', resource: 'Workspace', action: '!auth.login', outcome: 'denied', ip: '::1' } },
    { ...defaultFilter, range: null, from: '2026-01-01', to: '2026-01-31', tz: 'Europe/Berlin' },
  ])('comes back from its own address', (filter) => {
    expect(read(writeFilter(filter).toString())).toEqual(filter)
  })

  it('has an address without what goes without saying', () => {
    expect(writeFilter(defaultFilter).toString()).toBe('')
  })

  it('takes two dates over a range, in the zone that the address names', () => {
    expect(toApi(read('from=2026-01-01&to=2026-01-31&range=24h&tz=Asia/Tokyo'), 'UTC', now)).toMatchObject({ from: '2026-01-01', to: '2026-01-31', tz: 'Asia/Tokyo' })
    expect(toApi(read('from=2026-01-01'), 'Europe/Paris', now)).toMatchObject({ from: '2026-01-01', to: '', tz: 'Europe/Paris' })
  })

  it('has no bounds for all time', () => {
    expect(toApi(read('range=all'), 'UTC', now)).toMatchObject({ from: '', to: '' })
    expect(shownDates(read('range=all'), 'utc', now)).toEqual({ from: '', to: '' })
  })

  it('shows the days that a range begins with', () => {
    expect(shownDates(read(''), 'utc', now)).toEqual({ from: '2026-03-03', to: '' })
  })

  it.each(['plain', '!not', '\\plain', '!!'])('names %j so that it means just that', (value) => {
    expect(meaning(literal(value))).toEqual({ excluded: false, value })
  })
})
