import { describe, expect, it } from 'vitest'
import { durationText, tokensText } from './formats'

describe('a duration', () => {
  it.each([[0, '0ms'], [850, '850ms'], [999, '999ms'], [1_000, '1.0s'], [3_210, '3.2s'], [59_949, '59.9s'], [59_950, '1.0m'], [90_000, '1.5m'], [900_000, '15.0m']])('of %i milliseconds is %s', (ms, text) => {
    expect(durationText(ms)).toBe(text)
  })
})

describe('a count of tokens', () => {
  it('that is not known is not zero', () => {
    expect([tokensText(null), tokensText(0), tokensText(12_345)]).toEqual(['-', '0', '12\u00a0345'])
  })
})
