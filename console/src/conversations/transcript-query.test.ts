import { describe, expect, it } from 'vitest'
import { pageSize, readNewest, shownOf, type TranscriptPage } from './transcript-query'

/** A conversation with so many messages, and which of its pages were read. */
function conversationOf(...counts: number[]) {
  const asked: number[] = []
  const read = (page: number): Promise<TranscriptPage> => {
    const total = counts.length > 1 ? counts.shift()! : counts[0]!
    asked.push(page)
    const items = Array.from({ length: Math.max(0, Math.min(pageSize, total - (page - 1) * pageSize)) }, (_, at) => ({ id: `m${(page - 1) * pageSize + at}` }))
    return Promise.resolve({ conversation: {}, messages: { items, total, page, page_size: pageSize, has_more: page * pageSize < total, next_cursor: null } } as unknown as TranscriptPage)
  }
  return { asked, read }
}

describe('the newest messages of a conversation', () => {
  it.each([
    { what: 'a short one by its address', counts: [7], known: 0, asked: [1] },
    { what: 'an empty one', counts: [0], known: 0, asked: [1] },
    { what: 'a long one from the list, where its length is known', counts: [250], known: 250, asked: [3] },
    { what: 'a whole number of pages', counts: [200], known: 200, asked: [2] },
    { what: 'a long one by its address', counts: [250], known: 0, asked: [1, 3] },
    { what: 'one that grew since it was listed', counts: [301], known: 250, asked: [3, 4] },
    { what: 'one that shrank since it was listed', counts: [90], known: 250, asked: [3, 1] },
  ])('of $what are read with the fewest looks', async ({ counts, known, asked }) => {
    const conversation = conversationOf(...counts)
    const page = await readNewest(conversation.read, known)
    expect(conversation.asked).toEqual(asked)
    expect(page.messages.has_more).toBe(false)
  })

  it('keep the oldest ones that were read on the way, so that no one looks at them twice', async () => {
    const page = await readNewest(conversationOf(250).read, 0)
    expect(page.oldest?.messages.items[0]?.id).toBe('m0')
    expect((await readNewest(conversationOf(7).read, 0)).oldest).toBeUndefined()
  })

  it('are not run after for ever', async () => {
    const conversation = conversationOf(100, 200, 300, 400, 500, 600)
    await readNewest(conversation.read, 0)
    expect(conversation.asked).toEqual([1])
    const faster = conversationOf(101, 201, 301, 401, 501, 601)
    await readNewest(faster.read, 0)
    expect(faster.asked).toEqual([1, 2, 3, 4])
  })
})

it('names a message the same whatever is put before it', async () => {
  const { read } = conversationOf(150)
  const [first, second] = [await read(1), await read(2)]
  expect(shownOf([first, second]).slice(100)).toEqual(shownOf([second]))
})
