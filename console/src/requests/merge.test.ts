import { describe, expect, it } from 'vitest'
import { merged } from './merge'
import { someRequest } from './some.test-data'

const at = (id: number, second: number) => someRequest({ id, request_id: `r${id}`, timestamp: `2026-03-10T12:00:${String(second).padStart(2, '0')}.000Z` })
const ids = (requests: { id: number }[]) => requests.map((request) => request.id)

describe('live rows among those that were read', () => {
  const read = [at(5, 50), at(4, 40), at(3, 30)]

  it('stand where they started, newest first', () => {
    expect(ids(merged(read, [at(6, 45), at(7, 55), at(8, 60)], true))).toEqual([8, 7, 5, 6, 4, 3])
  })

  it('stand above those of the same millisecond', () => {
    expect(ids(merged(read, [at(6, 40)], true))).toEqual([5, 6, 4, 3])
  })

  it('are not shown twice', () => {
    expect(merged(read, [at(4, 40)], true)).toBe(read)
  })

  it('come with their page when they belong below what was read', () => {
    expect(ids(merged(read, [at(6, 10)], true))).toEqual([5, 4, 3])
    expect(ids(merged(read, [at(6, 10)], false))).toEqual([5, 4, 3, 6])
  })

  it('are a list of their own while there is no other', () => {
    expect(ids(merged([], [at(1, 1), at(2, 2)], false))).toEqual([2, 1])
  })
})
