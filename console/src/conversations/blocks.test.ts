import { describe, expect, it } from 'vitest'
import { beginningOf, blocksOf } from './blocks'

const shapes = (content: string) => blocksOf(content).map(({ kind, text, language }) => (kind === 'text' ? text : [language, text]))

describe('a message', () => {
  it.each([
    ['only text\n\n  with its spaces ', ['only text\n\n  with its spaces ']],
    ['before\n```ts\nconst a = 1\n\n  b()\n```\nafter', ['before', ['ts', 'const a = 1\n\n  b()'], 'after']],
    ['```\nnever closed\n', [['', 'never closed\n']]],
    ['````\n```\ninner\n```\n````', [['', '```\ninner\n```']]],
    ['   ```\nindented\n   ```', [['', 'indented']]],
    ['    ```\nindented further is text', ['    ```\nindented further is text']],
    ['a ``` in the middle\nand `one` word', ['a ``` in the middle\nand `one` word']],
    ['``` not `a` fence', ['``` not `a` fence']],
    ['```\n```', [['', '']]],
    ['```a\r\none\r\n```\r\ntwo', [['a', 'one'], 'two']],
    ['', []],
    ['\n \n', []],
  ])('%j is told apart into text and code', (content, expected) => expect(shapes(content)).toEqual(expected))

  it('has what is hidden spelled out where it is shown, and kept where it is copied', () => {
    const [code] = blocksOf('```py\u202e\nrm\u200b -r\n```')
    expect(code).toEqual({ kind: 'code', language: 'py⟨U+202E⟩', text: 'rm⟨U+200B⟩ -r', raw: 'rm\u200b -r' })
  })
})

describe('the beginning of a message', () => {
  it('is all of it while it is not long', () => {
    const blocks = blocksOf('x'.repeat(5_000))
    expect(beginningOf(blocks)).toBe(blocks)
  })

  it('ends after so many letters, and never within a character', () => {
    const [block] = beginningOf(blocksOf('y'.repeat(3_999) + '😀'.repeat(2_000)))
    expect(block!.text).toBe('y'.repeat(3_999))
  })

  it('ends after so many lines, also within code, whose copy is whole', () => {
    const blocks = beginningOf(blocksOf('intro\n```\n' + 'z\n'.repeat(500) + '```\nend'))
    expect(blocks.map((block) => block.text.split('\n').length)).toEqual([1, 59])
    expect(blocks[1]!.raw.split('\n')).toHaveLength(500)
  })
})
