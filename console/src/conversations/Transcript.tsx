import { useInfiniteQuery } from '@tanstack/react-query'
import { LinkIcon } from '@primer/octicons-react'
import { Button, Dialog, Label, Link, Spinner } from '@primer/react'
import { useDeferredValue, useEffect, useEffectEvent, useMemo, useRef, useState, type ReactNode, type RefObject } from 'react'
import { Link as RouterLink } from 'react-router'
import { Problem } from '../api/call'
import type { Conversation } from '../api/types'
import { paths } from '../paths'
import { CopyButton } from '../ui/CopyButton'
import { Skeleton } from '../ui/Skeleton'
import { counted, grouped, visible } from '../ui/text'
import { Time } from '../ui/Time'
import { Away } from './Away'
import { find, type Match } from './find'
import { FindBar } from './FindBar'
import { MessageItem } from './MessageItem'
import { statuses } from './statuses'
import styles from './Transcript.module.css'
import { shownOf, transcriptQuery, type TranscriptPage } from './transcript-query'
import { Views } from './Views'

/** Messages that are loaded at once on request; each page of them leaves an event, and all of them are in the page. */
const mostAtOnce = 2_000

/** How far from the beginning of what is loaded older messages begin to be read. */
const readAhead = '300px'

interface TranscriptOf {
  id: string
  /** The conversation, where the list has it. */
  known: Conversation | undefined
  /** Its row, which has the focus again afterwards. */
  returnFocusRef: RefObject<HTMLElement | null>
  onClose: () => void
}

/** What was said in a conversation, from the newest message backwards. */
export function Transcript({ id, known, returnFocusRef, onClose }: TranscriptOf) {
  const transcript = useInfiniteQuery(transcriptQuery(id, known?.message_count ?? 0))
  const { data, error, refetch } = transcript
  const conversation = data?.pages.at(-1)?.conversation ?? known
  const isMissing = error instanceof Problem && error.status === 404

  return (
    <Dialog
      title={<bdi className={styles.title}>{conversation ? visible(conversation.title) || 'Untitled conversation' : 'Conversation'}</bdi>}
      position={{ narrow: 'fullscreen', regular: 'right' }}
      width="min(880px, 92vw)"
      onClose={onClose}
      returnFocusRef={returnFocusRef}
    >
      <Dialog.Body className={styles.body}>
        {conversation && (
          <div className={styles.about}>
            <About conversation={conversation} />
            <div className={styles.ways}>
              <Link as={RouterLink} to={paths.eventsWith('conversationId', id)}>Events of this conversation</Link>
              <Link as={RouterLink} to={paths.requestsWith('conversation_id', id)}>Requests of this conversation</Link>
              <CopyButton iconOnly icon={LinkIcon} label="Copy link" text={window.location.origin + paths.conversation(id)} />
            </div>
            {data && <Views id={id} turn={data.pages.length} />}
          </div>
        )}
        {data ? (
          <Messages transcript={transcript} pages={data.pages} />
        ) : isMissing ? (
          <p className="muted">There is no conversation with this ID. It may have been erased, or removed by retention.</p>
        ) : error ? (
          <Away error={error} onRetry={() => void refetch()} />
        ) : (
          <div aria-busy="true" className={styles.waiting}>
            <span className="visually-hidden" role="status">Loading the transcript</span>
            {['72px', '128px', '56px', '160px'].map((height) => <Skeleton key={height} width="100%" height={height} />)}
          </div>
        )}
      </Dialog.Body>
    </Dialog>
  )
}

function About({ conversation }: { conversation: Conversation }) {
  const { owner_id, status, is_public, message_count, created_at, updated_at, shared_with, tags } = conversation
  const listed = (texts: string[]) => texts.length > 0 && texts.map(visible).join(', ')
  const facts: [string, ReactNode][] = [
    ['Owner', owner_id ? <bdi key="owner">{visible(owner_id)}</bdi> : 'nobody'],
    ['Status', <span key="status" className={styles.labels}><Label variant={statuses[status].variant}>{statuses[status].label}</Label>{is_public && <Label variant="attention">Public</Label>}</span>],
    ['Messages', grouped(message_count)],
    ['Created', <Time key="created" at={created_at} />],
    ['Updated', <Time key="updated" at={updated_at} />],
    ['Shared with', listed(shared_with) || 'nobody'],
    ['Tags', listed(tags)],
  ]
  return (
    <dl className={styles.facts}>
      {facts.filter(([, value]) => value).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

const none: Match[] = []

/** What messages need of the query that reads them. */
type Reading = Pick<ReturnType<typeof useInfiniteQuery<TranscriptPage>>, 'error' | 'hasPreviousPage' | 'isFetchingPreviousPage' | 'isFetchPreviousPageError'> & {
  fetchPreviousPage: (options?: { cancelRefetch?: boolean }) => Promise<{ data?: { pages: TranscriptPage[] }; hasPreviousPage: boolean; isError: boolean }>
}

function Messages({ transcript, pages }: { transcript: Reading; pages: TranscriptPage[] }) {
  const { error, hasPreviousPage, isFetchingPreviousPage, isFetchPreviousPageError, fetchPreviousPage } = transcript
  const shown = useMemo(() => shownOf(pages), [pages])
  const { total } = pages.at(-1)!.messages
  const list = useRef<HTMLDivElement>(null)
  const older = useRef<HTMLDivElement>(null)

  // A page that is on its way is not asked for again: that would leave another event.
  const loadOlder = () => fetchPreviousPage({ cancelRefetch: false })
  const isIdle = hasPreviousPage && !isFetchingPreviousPage && !isFetchPreviousPageError
  const onNear = useEffectEvent(() => isIdle && void loadOlder())
  useEffect(() => {
    if (!isIdle) return
    const observer = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && onNear(), { root: list.current, rootMargin: `${readAhead} 0px 0px 0px` })
    observer.observe(older.current!)
    return () => observer.disconnect()
  }, [isIdle])

  const [isLoadingAll, setLoadingAll] = useState(false)
  const goesOn = useRef(false)
  useEffect(() => () => void (goesOn.current = false), [])
  const loadAll = async () => {
    goesOn.current = !isLoadingAll
    if (isLoadingAll) return
    setLoadingAll(true)
    // Not a message more once the reader has left or thought better of it.
    for (let loaded = 0; goesOn.current && loaded < mostAtOnce;) {
      const { data, hasPreviousPage: hasMore, isError } = await loadOlder()
      loaded = data?.pages.reduce((sum, page) => sum + page.messages.items.length, 0) ?? 0
      if (isError || !hasMore) break
    }
    setLoadingAll(false)
  }

  const [text, setText] = useState('')
  // Counted from the end, so that it stays where it is while older messages come.
  const [back, setBack] = useState(0)
  const wanted = useDeferredValue(text)
  const matches = useMemo(() => find(shown, wanted), [shown, wanted])
  const byMessage = useMemo(() => {
    const grouping = new Map<string, Match[]>()
    for (const match of matches) grouping.set(match.key, [...(grouping.get(match.key) ?? []), match])
    return grouping
  }, [matches])
  const at = matches.length - 1 - Math.min(back, Math.max(0, matches.length - 1))
  const current = matches[at]
  const step = (by: 1 | -1) => setBack((matches.length - 1 - at - by + matches.length) % matches.length)
  const hasMatch = current !== undefined
  useEffect(() => {
    if (hasMatch) list.current!.querySelector('mark[aria-current]')?.scrollIntoView({ block: 'center' })
  }, [wanted, back, hasMatch])

  return (
    <>
      <FindBar
        text={text}
        onText={(next) => {
          setText(next)
          setBack(0)
        }}
        found={matches.length}
        at={at + 1}
        onStep={step}
        loaded={shown.length}
        total={total}
        loadAll={shown.length < Math.min(total, mostAtOnce) ? Math.min(total, mostAtOnce) : 0}
        isLoadingAll={isLoadingAll}
        onLoadAll={() => void loadAll()}
      />
      <span role="status" className="visually-hidden">
        {pages.length > 1 ? `${counted(pages[0]!.messages.items.length, 'older message')} loaded, ${grouped(shown.length)} of ${grouped(total)}` : ''}
      </span>
      <div ref={list} className={styles.scroller} data-scrolls role="region" aria-label="Messages" tabIndex={0}>
        <div className={styles.messages}>
          <h2 className="visually-hidden">Messages</h2>
          <div ref={older} className={styles.older}>
            {isFetchPreviousPageError && error ? (
              <Away error={error} onRetry={() => void loadOlder()} />
            ) : isFetchingPreviousPage ? (
              <span className={styles.loading}><Spinner size="small" srText={null} /> Loading…</span>
            ) : hasPreviousPage ? (
              <Button size="small" onClick={() => void loadOlder()}>Load older</Button>
            ) : (
              <span>{total === 0 ? 'Nothing was said in this conversation.' : 'The beginning of the conversation'}</span>
            )}
            {hasPreviousPage && <span>The newest {grouped(shown.length)} of {counted(total, 'message')}</span>}
          </div>
          <ol className={styles.list} role="list">
            {shown.map(({ key, message }) => (
              <MessageItem key={key} message={message} matches={byMessage.get(key) ?? none} length={wanted.length} current={current?.key === key ? current : null} />
            ))}
          </ol>
        </div>
      </div>
    </>
  )
}
