import { describe, expect, it } from 'vitest'
import { defaultFilter, readFilter, toApi, writeFilter, type RequestFilter } from './request-filter'

const now = new Date('2026-03-10T12:00:00Z')
const read = (address: string) => readFilter(new URLSearchParams(address))

describe('the filter of the Requests page', () => {
  it('is the last seven days when the address says nothing', () => {
    expect(read('')).toEqual(defaultFilter)
    expect(toApi(read(''), 'UTC', now)).toEqual({ search: '', start_time: '2026-03-03T12:00:00.000Z', end_time: '', tz: '' })
  })

  it.each<RequestFilter>([
    { ...defaultFilter, search: 'a b&c=d' },
    { ...defaultFilter, exact: { model: '\\!odd', backend_type: '!local', status: 'error', session_id: 's' }, range: '1h' },
    { ...defaultFilter, range: null, from: '2026-03-01T00:00:00.000Z', to: '2026-03-01T23:59:59.999Z' },
  ])('comes back from its own address', (filter) => {
    expect(read(writeFilter(filter).toString())).toEqual(filter)
    expect(read(writeFilter(filter, 'chatcmpl-1').toString())).toEqual(filter)
  })

  it('names two moments as they are', () => {
    expect(toApi(read('from=2026-03-01T00:00:00.000Z&to=2026-03-02'), 'Europe/Berlin', now)).toMatchObject({ start_time: '2026-03-01T00:00:00.000Z', end_time: '2026-03-02', tz: 'Europe/Berlin' })
  })
})
