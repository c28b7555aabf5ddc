import { describe, expect, it } from 'vitest'
import { find, mostMatches, piecesOf } from './find'
import { someMessages } from './some.test-data'

const shown = (...contents: string[]) => someMessages(...contents).map((message, at) => ({ key: String(at), message }))
const places = (wanted: string, ...contents: string[]) => find(shown(...contents), wanted).map(({ key, block, start }) => `${key}:${block}:${start}`)

describe('finding in a transcript', () => {
  it('is of any case, and in the order of reading', () => expect(places('No', 'no NO\n```\nknot\n```', 'yes', 'Now')).toEqual(['0:0:0', '0:0:3', '0:1:1', '2:0:0']))
  it('takes what is looked for as it is written', () => expect(places('a.*', 'aaa a.* [')).toEqual(['0:0:4']))
  it('finds nothing for nothing', () => expect(places('', 'anything')).toEqual([]))
  it('points to the right letter after one whose small form is longer', () => expect(places('x', 'İİ x')).toEqual(['0:0:3']))
  it('finds what is hidden by how it is shown', () => expect(places('U+202E', 'a\u202eb')).toEqual(['0:0:2']))
  it('keeps the last of very many', () => {
    const matches = find(shown('e'.repeat(600), 'e'.repeat(600)), 'e')
    expect(matches).toHaveLength(mostMatches)
    expect([matches[0], matches.at(-1)]).toEqual([{ key: '0', block: 0, start: 200 }, { key: '1', block: 0, start: 599 }])
  })
})

it('cuts a text where matches begin and end, and loses nothing', () => {
  const text = 'one two one'
  const matches = find(shown(text), 'one')
  const pieces = piecesOf(text, matches, 3)
  expect(pieces.map((piece) => [piece.text, piece.match !== null])).toEqual([['one', true], [' two ', false], ['one', true]])
  expect(piecesOf(text, [], 3)).toEqual([{ text, match: null }])
})
