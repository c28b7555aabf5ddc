import { useQuery } from '@tanstack/react-query'
import { CommentDiscussionIcon, LockIcon, SearchIcon } from '@primer/octicons-react'
import { Button } from '@primer/react'
import { useRef, useState, type ComponentProps } from 'react'
import { useLocation, useNavigate } from 'react-router'
import type { Conversation } from '../api/types'
import { catalogQuery } from '../events/events-query'
import { useAddress } from '../filters/address'
import { api } from '../paths'
import { configQuery } from '../session/session'
import { AuditLogsHeading } from '../shell/AuditLogsHeading'
import { Blankslate } from '../ui/Blankslate'
import { ExportButton } from '../ui/ExportButton'
import { Failure } from '../ui/Failure'
import { Pager } from '../ui/Pager'
import { Table, TableSkeleton } from '../ui/Table'
import { counted, grouped } from '../ui/text'
import { useZone } from '../ui/time'
import { Away } from './Away'
import { conversationColumns, skeletonCell } from './conversation-columns'
import { defaultFilter, readFilter, toApi, writeFilter, type ConversationFilter } from './conversation-filter'
import { ConversationFilters } from './ConversationFilters'
import styles from './ConversationsPage.module.css'
import { conversationsQuery, hasConversationsQuery, pageSize } from './conversations-query'
import { Transcript } from './Transcript'

/** What was said in chats, for who reviews them. Nothing is asked of the server while that is not enabled. */
export function ConversationsPage() {
  const { data: config, error, refetch } = useQuery(configQuery)
  if (config?.auditLogsEnabled) return <Conversations />
  return (
    <>
      <AuditLogsHeading />
      {config ? (
        <Blankslate icon={LockIcon} title="Reviewing conversations is not enabled">
          It begins when the environment of this Cairn has AUDIT_LOGS_ENABLED=true and Cairn is started again. Full administrators may then read what was said, and every look is recorded.
        </Blankslate>
      ) : (
        error && <Failure error={error} onRetry={() => void refetch()} />
      )}
    </>
  )
}

function Conversations() {
  const zone = useZone()
  const navigate = useNavigate()
  const { state } = useLocation() as { state: { isOpened?: boolean } | null }
  const [parameters, setParameters] = useAddress()
  const filter = readFilter(parameters)
  const opened = parameters.get('conversation') ?? ''

  const { data: conversations, error, isPlaceholderData, refetch } = useQuery(conversationsQuery(filter, zone.name))
  const { data: catalog } = useQuery(catalogQuery)
  const [exportError, setExportError] = useState<Error | null>(null)
  const top = useRef<HTMLDivElement>(null)
  const openedLink = useRef<HTMLElement>(null)

  const change = (next: Partial<ConversationFilter>) => setParameters(writeFilter({ ...filter, page: 1, ...next }))
  const toPage = (page: number) => {
    change({ page })
    top.current?.scrollIntoView({ block: 'nearest' })
  }
  // Back closes it as well, and is not left with a step that does nothing.
  const close = () => (state?.isOpened ? void navigate(-1) : setParameters(writeFilter(filter), { replace: true }))

  const columns = conversationColumns({
    inUtc: zone.time === 'utc',
    addressOf: (conversation) => `?${writeFilter(filter, conversation.id)}`,
    onOwner: (owner) => change({ exact: { ...filter.exact, owner_email: owner } }),
    linkRef: (conversation, link) => {
      if (link && conversation.id === opened) openedLink.current = link
    },
  })

  return (
    <>
      <AuditLogsHeading
        actions={
          <ExportButton path={api.conversationsExport} query={() => toApi(filter, zone.name, new Date())} total={conversations?.total} most={catalog?.exportRows ?? 0} noun="conversations" onFailed={setExportError} />
        }
      />
      <ConversationFilters filter={filter} onChange={change} />
      {exportError && <div className={styles.failure}><Away error={exportError} /></div>}
      <p ref={top} className={styles.trace}>Opening a conversation is recorded.</p>
      {error && !conversations ? (
        <Away error={error} onRetry={() => void refetch()} />
      ) : !conversations ? (
        <TableSkeleton label="Conversations" columns={columns} rows={10} cell={skeletonCell} />
      ) : (
        <>
          {error && <div className={styles.failure}><Away error={error} onRetry={() => void refetch()} /></div>}
          {conversations.items.length > 0 ? (
            <Table<Conversation>
              label="Conversations"
              columns={columns}
              rows={conversations.items}
              keyOf={(conversation) => conversation.id}
              isBusy={isPlaceholderData}
              rowProps={(): ComponentProps<'tr'> => ({
                className: styles.row,
                onClick: (click) => {
                  // Only the row itself: what stands in it does its own thing, and a selection is for copying.
                  if (!(click.target instanceof Element) || click.target.closest('a, button') || window.getSelection()?.toString()) return
                  const link = click.currentTarget.querySelector('a')
                  link?.focus()
                  link?.click()
                },
              })}
            />
          ) : conversations.total > 0 ? (
            <Blankslate icon={CommentDiscussionIcon} title={`There is no page ${grouped(filter.page)}`} action={<Button onClick={() => toPage(1)}>Go to the first page</Button>}>
              {counted(conversations.total, 'conversation matches', 'conversations match')} your filters.
            </Blankslate>
          ) : (
            <NoConversations isBusy={isPlaceholderData} onClear={() => change({ ...defaultFilter, range: 'all' })} />
          )}
          {conversations.items.length > 0 && <Pager page={conversations.page} size={pageSize} total={conversations.total} onPage={toPage} />}
        </>
      )}
      {opened !== '' && <Transcript key={opened} id={opened} known={conversations?.items.find((conversation) => conversation.id === opened)} returnFocusRef={openedLink} onClose={close} />}
    </>
  )
}

/** Nothing matches; or there is nothing at all, when no filter would help. */
export function NoConversations({ isBusy, onClear }: { isBusy: boolean; onClear: () => void }) {
  const { data: hasConversations } = useQuery(hasConversationsQuery)
  if (hasConversations === undefined || isBusy) return <div aria-busy="true" className={styles.asking} />
  return hasConversations ? (
    <Blankslate icon={SearchIcon} title="No conversations match your filters." action={<Button onClick={onClear}>Clear filters</Button>} />
  ) : (
    <Blankslate icon={CommentDiscussionIcon} title="There are no conversations yet.">
      Applications send them to the gateway with an API key that has the scope conversations:write; or Cairn reads the database that its configuration names.
    </Blankslate>
  )
}
