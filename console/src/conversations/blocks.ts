import type { Message } from '../api/types'
import { visible } from '../ui/text'

/** A part of a message: text as it is, or code between two fences. Nothing else of Markdown is understood. */
export interface Block {
  kind: 'text' | 'code'
  /** As it may be shown. */
  text: string
  /** As it was recorded. */
  raw: string
  /** What stands behind the opening fence; empty for text. */
  language: string
}

const opening = /^ {0,3}(`{3,})([^`]*)$/

/** A fence that is not closed goes to the end, as it does everywhere. */
export function blocksOf(content: string): Block[] {
  const blocks: Block[] = []
  let lines: string[] = []
  let fence: { length: number; language: string } | null = null

  function end() {
    const raw = lines.join('\n')
    lines = []
    if (fence || raw.trim() !== '') blocks.push({ kind: fence ? 'code' : 'text', text: visible(raw), raw, language: fence ? visible(fence.language) : '' })
  }

  for (const line of content.replace(/\r\n?/g, '\n').split('\n')) {
    const found = opening.exec(line)
    if (fence === null && found) {
      end()
      fence = { length: found[1]!.length, language: found[2]!.trim() }
    } else if (fence !== null && found && found[1]!.length >= fence.length && found[2]!.trim() === '') {
      end()
      fence = null
    } else lines.push(line)
  }
  if (fence !== null || lines.length > 0) end()
  return blocks
}

const known = new WeakMap<Message, Block[]>()

/** The same for a message, which is looked at again and again. */
export function blocksIn(message: Message): Block[] {
  let blocks = known.get(message)
  if (!blocks) known.set(message, (blocks = blocksOf(message.content)))
  return blocks
}

const mostLetters = 4_000
const mostLines = 60

/** How much more a long message must have to be worth hiding. */
const slack = 1.25

/** The beginning of a long message; the very same blocks for one that is not. */
export function beginningOf(blocks: Block[]): Block[] {
  const letters = blocks.reduce((sum, block) => sum + block.text.length, 0)
  if (letters <= mostLetters * slack && blocks.reduce((sum, block) => sum + linesIn(block.text), 0) <= mostLines * slack) return blocks
  const beginning: Block[] = []
  let [lettersLeft, linesLeft] = [mostLetters, mostLines]
  for (const block of blocks) {
    const text = cut(block.text, lettersLeft, linesLeft)
    beginning.push(text === block.text ? block : { ...block, text })
    lettersLeft -= text.length
    linesLeft -= linesIn(text)
    if (text !== block.text || lettersLeft <= 0 || linesLeft <= 0) break
  }
  return beginning
}

function linesIn(text: string) {
  let lines = 1
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++
  return lines
}

function cut(text: string, letters: number, lines: number) {
  let end = -1
  for (; lines > 0; lines--) {
    end = text.indexOf('\n', end + 1)
    if (end < 0) break
  }
  let most = Math.min(letters, end < 0 ? text.length : end, text.length)
  // Not through the middle of a character.
  if (most < text.length && /[\ud800-\udbff]/.test(text[most - 1] ?? '')) most--
  return text.slice(0, most)
}
