import { useQuery } from '@tanstack/react-query'
import { useNavigate, useParams } from 'react-router'
import { Problem } from '../api/call'
import { literal } from '../filters/log-filter'
import { paths } from '../paths'
import { NotFoundPage } from '../shell/NotFoundPage'
import { PageHeading } from '../shell/PageHeading'
import { CopyButton } from '../ui/CopyButton'
import { Failure } from '../ui/Failure'
import { Identicon } from '../ui/Identicon'
import { Skeleton } from '../ui/Skeleton'
import { visible } from '../ui/text'
import { Time } from '../ui/Time'
import { defaultFilter, writeFilter } from './event-filter'
import { EventDetails } from './EventDetails'
import styles from './EventPage.module.css'
import { eventQuery } from './events-query'
import { ResourceName } from './ResourceName'

/** One event, at an address that stays. */
export function EventPage() {
  const { id = '' } = useParams()
  const navigate = useNavigate()
  const { data: event, error, refetch } = useQuery(eventQuery(id))

  if (error instanceof Problem && error.status === 404) return <NotFoundPage />
  return (
    <>
      <PageHeading
        title={event ? visible(event.actionLabel) : 'Event'}
        trail={[{ label: 'Audit Logs', to: paths.events }]}
        actions={<CopyButton label="Copy link" text={window.location.origin + paths.event(id)} />}
      />
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {!event && !error && <Skeleton width="100%" height="240px" />}
      {event && (
        <div className={styles.event}>
          <p className={styles.sentence}>
            {event.actorId !== null && <Identicon of={event.actorId} size={16} />}
            <strong><bdi>{visible(event.actorId === null ? 'System' : (event.actorName ?? event.actorEmail ?? event.actorId))}</bdi></strong>
            {event.resource && <span className="muted">{visible(event.resource)}</span>}
            <ResourceName event={event} />
            <span className={styles.when}><Time at={event.createdAt} /></span>
          </p>
          <EventDetails
            event={event}
            onFilter={(name, value) => void navigate(`${paths.events}?${writeFilter({ ...defaultFilter, range: 'all', exact: { [name]: literal(value) } })}`)}
          />
        </div>
      )}
    </>
  )
}
