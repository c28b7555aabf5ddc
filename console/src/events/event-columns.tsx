import { ChevronDownIcon, ChevronRightIcon } from '@primer/octicons-react'
import { IconButton, Label } from '@primer/react'
import type { AuditEvent } from '../api/types'
import { literal } from '../filters/log-filter'
import { paths } from '../paths'
import { Identicon } from '../ui/Identicon'
import { Skeleton } from '../ui/Skeleton'
import type { Column } from '../ui/Table'
import { visible } from '../ui/text'
import { Time } from '../ui/Time'
import styles from './cells.module.css'
import type { ExactName } from './event-filter'
import { outcomes } from './outcomes'
import { ResourceName } from './ResourceName'

export interface EventColumnsOf {
  timeHeader: string
  resourceLabel: (type: string) => string
  onFilter: (name: ExactName, value: string) => void
  expanded: ReadonlySet<string>
  onToggle: (id: string) => void
}

/** A cell's text, which narrows the list to itself. */
function Pick({ says, onPick, children }: { says: string; onPick: () => void; children: React.ReactNode }) {
  return (
    <button type="button" className={styles.pick} title={says} onClick={onPick}>
      {children}
    </button>
  )
}

export const eventColumns = ({ timeHeader, resourceLabel, onFilter, expanded, onToggle }: EventColumnsOf): Column<AuditEvent>[] => [
  { header: timeHeader, width: '164px', narrow: 'right', cell: (event) => <Time at={event.createdAt} to={paths.event(event.id)} /> },
  {
    header: 'Actor',
    width: '22%',
    narrow: 'left',
    cell: (event) => {
      const name = event.actorId === null ? 'System' : (event.actorName ?? event.actorEmail ?? event.actorId)
      return (
        <Pick says="Show only this actor" onPick={() => onFilter('actorId', literal(event.actorId ?? 'System'))}>
          {event.actorId !== null && <Identicon of={event.actorId} size={16} />}
          <bdi className={`${styles.clamped} ${styles.picked}`}>{visible(name)}</bdi>
        </Pick>
      )
    },
  },
  {
    header: 'Action',
    narrow: 'first',
    cell: (event) => (
      <div className={styles.action}>
        <Pick says={`Show only ${visible(event.action)}`} onPick={() => onFilter('action', literal(event.action))}>
          <bdi className={`${styles.clamped} ${styles.picked} ${styles.label}`}>{visible(event.actionLabel)}</bdi>
        </Pick>
        {event.outcome !== 'success' && <Label variant={outcomes[event.outcome].variant}>{outcomes[event.outcome].label}</Label>}
      </div>
    ),
  },
  {
    header: 'Resource',
    narrow: 'whole',
    cell: (event) =>
      event.resource === null ? (
        <ResourceName event={event} />
      ) : (
        <div className={styles.resource}>
          <Pick says="Show only this type of resource" onPick={() => onFilter('resource', literal(event.resource!))}>
            <bdi className={`${styles.clamped} ${styles.picked}`}>{visible(resourceLabel(event.resource))}</bdi>
          </Pick>
          <ResourceName event={event} />
        </div>
      ),
  },
  {
    header: 'Details',
    isHeaderHidden: true,
    width: '52px',
    narrow: 'end',
    cell: (event) => (
      <div className={styles.expand}>
        <IconButton
          icon={expanded.has(event.id) ? ChevronDownIcon : ChevronRightIcon}
          aria-label={`Details of ${visible(event.actionLabel).slice(0, 80)}, ${event.createdAt}`}
          aria-expanded={expanded.has(event.id)}
          unsafeDisableTooltip
          size="small"
          variant="invisible"
          onClick={() => onToggle(event.id)}
        />
      </div>
    ),
  },
]

const widths = [['132px'], ['96px', '120px', '80px'], ['128px', '104px', '160px', '112px'], ['180px', '140px', '220px'], ['16px']]

export const skeletonCell = (column: number, row: number) => <Skeleton width={widths[column]![row % widths[column]!.length]!} />
