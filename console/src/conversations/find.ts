import { blocksIn, type Block } from './blocks'
import type { Shown } from './transcript-query'

/** Where a text occurs: in which block of which message, from which letter on. */
export interface Match {
  key: string
  block: number
  start: number
}

export const mostMatches = 1_000

/** What a text is compared by: as long as the text itself, so that places in it are places in the text. */
function folded(text: string): string {
  const lower = text.toLowerCase()
  return lower.length === text.length ? lower : Array.from(text, (one) => (one.toLowerCase().length === one.length ? one.toLowerCase() : one)).join('')
}

/**
 * Where a text occurs in any case, in the order of reading. Of very many, the last ones.
 */
export function find(shown: Shown[], wanted: string): Match[] {
  const needle = folded(wanted)
  if (needle === '') return []
  const backwards: Match[] = []
  for (let at = shown.length - 1; at >= 0; at--) {
    const { key, message } = shown[at]!
    const blocks = blocksIn(message)
    for (let block = blocks.length - 1; block >= 0; block--)
      for (const start of placesIn(blocks[block]!, needle).reverse()) {
        backwards.push({ key, block, start })
        if (backwards.length === mostMatches) return backwards.reverse()
      }
  }
  return backwards.reverse()
}

function placesIn({ text }: Block, needle: string): number[] {
  const hay = folded(text)
  const places: number[] = []
  for (let at = hay.indexOf(needle); at >= 0; at = hay.indexOf(needle, at + needle.length)) places.push(at)
  return places
}

/** A text, cut where matches begin and end. */
export function piecesOf(text: string, matches: Match[], length: number): { text: string; match: Match | null }[] {
  const pieces: { text: string; match: Match | null }[] = []
  let end = 0
  for (const match of matches) {
    if (match.start > end) pieces.push({ text: text.slice(end, match.start), match: null })
    pieces.push({ text: text.slice(match.start, match.start + length), match })
    end = match.start + length
  }
  if (end < text.length || pieces.length === 0) pieces.push({ text: text.slice(end), match: null })
  return pieces
}
