import { grouped } from '../ui/text'

/** 850ms, 3.2s, 1.5m. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${ms}ms`
  // What would round to 60.0s is a minute.
  return ms < 59_950 ? `${(ms / 1_000).toFixed(1)}s` : `${(ms / 60_000).toFixed(1)}m`
}

/** A count of tokens; unknown is not zero. */
export const tokensText = (tokens: number | null) => (tokens === null ? '-' : grouped(tokens))
