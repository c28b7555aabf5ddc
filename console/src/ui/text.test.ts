import { describe, expect, it } from 'vitest'
import { bytes, counted, grouped, short, visible } from './text'

describe('a recorded text', () => {
  it.each(['<b>x</b>', 'مرحبا', '👩‍👩‍👧', 'line\nbreak\ttab', "'; DROP TABLE", ''])('%j is shown as it is', (text) => expect(visible(text)).toBe(text))

  it('has what steers its reading spelled out', () => {
    expect(visible('invoice\u202egpj.exe')).toBe('invoice⟨U+202E⟩gpj.exe')
    expect(visible('\u2066a\u2069\u200f\u0007\u001b[31m\u0085\ufeff')).toBe('⟨U+2066⟩a⟨U+2069⟩⟨U+200F⟩⟨U+0007⟩⟨U+001B⟩[31m⟨U+0085⟩⟨U+FEFF⟩')
  })
})

it('groups digits by three', () => {
  expect([0, 999, 1042, 1234567].map(grouped)).toEqual(['0', '999', '1\u00a0042', '1\u00a0234\u00a0567'])
  expect([counted(1, 'event'), counted(2000, 'event'), counted(0, 'entry', 'entries')]).toEqual(['1 event', '2\u00a0000 events', '0 entries'])
})

it('shortens large numbers', () => {
  expect([9_999, 12_800, 1_500_000, 250_000_000].map(short)).toEqual(['9\u00a0999', '12.8k', '1.5M', '250M'])
  expect([0, 999, 1_500, 82_000_000_000].map(bytes)).toEqual(['0 bytes', '999 bytes', '1.5 kB', '82.0 GB'])
})
