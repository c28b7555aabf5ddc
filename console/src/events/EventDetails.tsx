import { ArrowRightIcon } from '@primer/octicons-react'
import { Label, Link } from '@primer/react'
import type { ReactNode } from 'react'
import { Link as RouterLink } from 'react-router'
import type { AuditEvent } from '../api/types'
import { paths } from '../paths'
import { CopyButton } from '../ui/CopyButton'
import { visible } from '../ui/text'
import { Time } from '../ui/Time'
import { changesIn, valueText } from './changes'
import type { ExactName } from './event-filter'
import styles from './EventDetails.module.css'
import { outcomes } from './outcomes'

/** Whether it can only be an id that the gateway gave to a model call; a sender's own ids lead nowhere. */
const isRequestId = (id: string | null) => id !== null && /^(chatcmpl|cmpl|emb|resp|msg)-[0-9a-f]{24}$/.test(id)

/** Everything that an event says, below its row or on a page of its own. */
export function EventDetails({ event, onFilter }: { event: AuditEvent; onFilter?: (name: ExactName, value: string) => void }) {
  const changes = changesIn(event.metadata)
  const filterable = (name: ExactName, value: string | null) =>
    value === null ? null : onFilter ? (
      <button type="button" className={styles.filter} title="Show only events with this value" onClick={() => onFilter(name, value)}>
        {visible(value)}
      </button>
    ) : (
      visible(value)
    )
  const tied = (name: ExactName, value: string | null, link: string, to: (value: string) => string) =>
    value && (
      <>
        {filterable(name, value)}
        <Link as={RouterLink} inline className={styles.tied} to={to(value)}>{link}</Link>
      </>
    )
  const facts: [string, ReactNode, 'mono'?][] = [
    ['Event ID', <span key="id" className={styles.id}><span>{event.id}</span><CopyButton iconOnly label="Copy event ID" text={event.id} /></span>, 'mono'],
    ['IP address', filterable('ip', event.ip), 'mono'],
    ['Actor role', event.actorRole && visible(event.actorRole)],
    ['Actor e-mail', event.actorEmail && visible(event.actorEmail)],
    ['Actor ID', event.actorId && visible(event.actorId), 'mono'],
    ['Action', event.action, 'mono'],
    ['Outcome', <Label key="outcome" variant={outcomes[event.outcome].variant}>{outcomes[event.outcome].label}</Label>],
    ['Resource ID', filterable('resourceId', event.resourceId), 'mono'],
    ['Request ID', isRequestId(event.requestId) ? tied('requestId', event.requestId, 'Open this request', paths.request) : filterable('requestId', event.requestId), 'mono'],
    ['Trace ID', tied('traceId', event.traceId, 'Requests of this trace', (value) => paths.requestsWith('trace_id', value)), 'mono'],
    ['Conversation ID', tied('conversationId', event.conversationId, 'Requests of this conversation', (value) => paths.requestsWith('conversation_id', value)), 'mono'],
    ['Recorded', <Time key="recorded" at={event.recordedAt} />],
    ['User agent', event.userAgent && visible(event.userAgent)],
  ]
  const always = ['IP address', 'Actor role', 'Resource ID']
  return (
    <div className={styles.details}>
      <dl className={styles.facts}>
        {facts
          .filter(([name, value]) => value || always.includes(name))
          .map(([name, value, font]) => (
            <div key={name} className={styles.fact}>
              <dt>{name}</dt>
              <dd className={font === 'mono' && value ? 'mono' : undefined}>{value || <span className="muted">–</span>}</dd>
            </div>
          ))}
      </dl>
      {changes.length > 0 && (
        <section role="group" aria-label="Changes">
          <h2 className={styles.heading}>Changes</h2>
          <ul className={styles.changes}>
            {changes.map(({ field, from, to }) => (
              <li key={field}>
                <strong>{visible(field)}</strong> <del>{visible(valueText(from))}</del> <ArrowRightIcon size={12} aria-label="to" /> <ins>{visible(valueText(to))}</ins>
              </li>
            ))}
          </ul>
        </section>
      )}
      <Metadata metadata={event.metadata} />
    </div>
  )
}

function Metadata({ metadata }: { metadata: AuditEvent['metadata'] }) {
  if (metadata === null || Object.keys(metadata).length === 0) return <p className={styles.none}>No metadata.</p>
  const text = JSON.stringify(metadata, null, 2)
  return (
    <section role="group" aria-label="Metadata">
      <div className={styles.headingRow}>
        <h2 className={styles.heading}>Metadata</h2>
        <CopyButton label="Copy" text={text} />
      </div>
      <pre className={styles.metadata} tabIndex={0} role="group" aria-label="Metadata as JSON">
        {visible(text)}
      </pre>
    </section>
  )
}
