import { Label, Link } from '@primer/react'
import { Link as RouterLink } from 'react-router'
import type { Conversation } from '../api/types'
import { Skeleton } from '../ui/Skeleton'
import type { Column } from '../ui/Table'
import { grouped, visible } from '../ui/text'
import { Time } from '../ui/Time'
import styles from './cells.module.css'
import { statuses } from './statuses'

export interface ConversationColumnsOf {
  inUtc: boolean
  addressOf: (conversation: Conversation) => string
  onOwner: (owner: string) => void
  /** Takes the link of each row. */
  linkRef: (conversation: Conversation, link: HTMLAnchorElement | null) => void
}

const nothing = <span className="muted">–</span>

export const conversationColumns = ({ inUtc, addressOf, onOwner, linkRef }: ConversationColumnsOf): Column<Conversation>[] => [
  {
    header: 'Title',
    narrow: 'first',
    cell: (conversation) => (
      <Link as={RouterLink} ref={(link: HTMLAnchorElement | null) => linkRef(conversation, link)} to={addressOf(conversation)} state={{ isOpened: true }} className={styles.title}>
        <bdi className={styles.clamped}>{visible(conversation.title) || 'Untitled conversation'}</bdi>
      </Link>
    ),
  },
  {
    header: 'Owner',
    width: '17%',
    narrow: 'left',
    cell: ({ owner_id }) =>
      owner_id === null ? nothing : (
        <button type="button" className={styles.pick} title={`Show only conversations of ${visible(owner_id)}`} onClick={() => onOwner(owner_id)}>
          <bdi className={styles.line}>{visible(owner_id)}</bdi>
        </button>
      ),
  },
  { header: 'Status', width: '92px', narrow: 'end', cell: ({ status }) => <Label variant={statuses[status].variant}>{statuses[status].label}</Label> },
  { header: 'Messages', width: '84px', narrow: 'hidden', align: 'end', cell: ({ message_count }) => grouped(message_count) },
  { header: inUtc ? 'Created (UTC)' : 'Created', width: '148px', narrow: 'right', cell: ({ created_at }) => <Time at={created_at} /> },
  { header: inUtc ? 'Updated (UTC)' : 'Updated', width: '148px', narrow: 'hidden', cell: ({ updated_at }) => <Time at={updated_at} /> },
  {
    header: 'Tags',
    width: '12%',
    narrow: 'hidden',
    cell: ({ tags }) => (tags.length === 0 ? nothing : <bdi className={styles.clamped} title={tags.map(visible).join(', ').slice(0, 500)}>{tags.map(visible).join(', ')}</bdi>),
  },
]

const widths = [['180px', '120px', '220px'], ['112px', '136px'], ['56px'], ['24px'], ['132px'], ['132px'], ['64px', '40px']]

export const skeletonCell = (column: number, row: number) => <Skeleton width={widths[column]![row % widths[column]!.length]!} />
