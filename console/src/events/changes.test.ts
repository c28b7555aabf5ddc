import { expect, it } from 'vitest'
import { changesIn, valueText } from './changes'

it('reads changes by field', () => {
  expect(changesIn({ changes: { role: { from: 'viewer', to: 'admin' }, name: { old: null, new: 'Ada' } } })).toEqual([
    { field: 'role', from: 'viewer', to: 'admin' },
    { field: 'name', from: null, to: 'Ada' },
  ])
})

it('reads one change that is the metadata itself', () => {
  expect(changesIn({ from: 'private', to: 'public', field: 'visibility' })).toEqual([{ field: 'visibility', from: 'private', to: 'public' }])
})

it.each([null, {}, { changes: 'many' }, { changes: [1, 2] }, { changes: { role: 'admin' } }, { from: 1 }])('finds none in %j', (metadata) => {
  expect(changesIn(metadata)).toEqual([])
})

it('writes values as a person does', () => {
  expect([null, '', 'a', 3, false, { a: 1 }].map(valueText)).toEqual(['(none)', '(none)', 'a', '3', 'false', '{"a":1}'])
})
