import { Button } from '@primer/react'
import { memo, useMemo, useRef, useState } from 'react'
import { flushSync } from 'react-dom'
import type { Message } from '../api/types'
import { usePreferences } from '../preferences'
import { CopyButton } from '../ui/CopyButton'
import { counted, visible } from '../ui/text'
import { timeText, timeTooltip } from '../ui/time'
import { beginningOf, blocksIn, type Block } from './blocks'
import { piecesOf, type Match } from './find'
import styles from './MessageItem.module.css'
import { roles } from './roles'

interface MessageOf {
  message: Message
  /** Where what is looked for stands in it, and how long that is. */
  matches: Match[]
  length: number
  /** The one that the reader has come to, where it is in this message. */
  current: Match | null
}

/** What someone said: as text, but for code between fences. */
export const MessageItem = memo(function MessageItem({ message, matches, length, current }: MessageOf) {
  const { time } = usePreferences()
  const [isOpened, setOpened] = useState(false)
  const item = useRef<HTMLLIElement>(null)
  const { label, icon: Icon } = roles[message.role]
  const at = new Date(message.created_at)

  const blocks = blocksIn(message)
  const beginning = useMemo(() => beginningOf(blocks), [blocks])
  const isLong = beginning !== blocks
  // A match is never hidden.
  const isWhole = isOpened || matches.some(({ block, start }) => start + length > (beginning[block]?.text.length ?? 0))
  const shown = isWhole ? blocks : beginning

  // The list keeps its place from the end; here the reader's place is the message's head.
  const toggle = () => {
    const list = item.current!.closest('[data-scrolls]')
    const before = item.current!.getBoundingClientRect().top
    flushSync(() => setOpened(!isWhole))
    if (list) list.scrollTop += item.current!.getBoundingClientRect().top - before
  }

  return (
    <li ref={item} className={styles.message} data-role={message.role}>
      <h3 className={styles.head}>
        <span className={styles.role}><Icon size={16} /> {label}</span>
        {message.sender_email && <bdi className={styles.sender}>{visible(message.sender_email)}</bdi>}
        <time className={styles.time} dateTime={message.created_at} title={timeTooltip(at, new Date())}>{timeText(at, time)}</time>
      </h3>
      {shown.length === 0 && <p className="muted">No text.</p>}
      {shown.map((block, index) => {
        const inside = matches.filter((match) => match.block === index)
        const text = <Marked text={block.text} matches={inside} length={length} current={current?.block === index ? current : null} />
        return block.kind === 'text' ? <p key={index} className={styles.text}>{text}</p> : <Code key={index} block={block}>{text}</Code>
      })}
      {isLong && (isOpened || !isWhole) && (
        <Button size="small" className={styles.more} aria-expanded={isWhole} onClick={toggle}>
          {isWhole ? 'Show less' : `Show all ${counted(message.content.length, 'character')}`}
        </Button>
      )}
      {message.metadata !== null && Object.keys(message.metadata).length > 0 && (
        <details className={styles.metadata}>
          <summary>Metadata</summary>
          <pre tabIndex={0} role="group" aria-label="Metadata as JSON">{visible(JSON.stringify(message.metadata, null, 2))}</pre>
        </details>
      )}
    </li>
  )
})

function Code({ block, children }: { block: Block; children: React.ReactNode }) {
  return (
    <div className={styles.code}>
      <div className={styles.codeHead}>
        <span className={styles.language}>{block.language || 'Code'}</span>
        <CopyButton iconOnly label="Copy code" text={block.raw} />
      </div>
      <pre tabIndex={0} role="group" aria-label={`Code${block.language ? `, ${block.language.slice(0, 40)}` : ''}`}><code>{children}</code></pre>
    </div>
  )
}

function Marked({ text, matches, length, current }: { text: string } & Omit<MessageOf, 'message'>) {
  if (matches.length === 0) return text
  return piecesOf(text, matches, length).map((piece, at) =>
    piece.match === null ? piece.text : <mark key={at} className={styles.match} aria-current={piece.match.start === current?.start || undefined}>{piece.text}</mark>,
  )
}
