import { useQuery } from '@tanstack/react-query'
import { ChevronDownIcon, ChevronUpIcon, LinkIcon } from '@primer/octicons-react'
import { Dialog, IconButton, Label, Link } from '@primer/react'
import type { KeyboardEvent, ReactNode } from 'react'
import { Link as RouterLink } from 'react-router'
import type { Request } from '../api/types'
import { literal } from '../filters/log-filter'
import { paths } from '../paths'
import { CopyButton } from '../ui/CopyButton'
import { Failure } from '../ui/Failure'
import { Skeleton } from '../ui/Skeleton'
import { grouped, visible } from '../ui/text'
import { Time } from '../ui/Time'
import { durationText } from './formats'
import type { ExactName } from './request-filter'
import styles from './RequestPanel.module.css'
import { requestQuery } from './requests-query'
import { statuses } from './statuses'

interface PanelOf {
  id: string
  /** The request, where the list has it. */
  known: Request | undefined
  /** The neighbours in the list; undefined at its ends. */
  newer: Request | undefined
  older: Request | undefined
  onOpen: (request: Request) => void
  onFilter: (name: ExactName, value: string) => void
  onClose: () => void
}

/** Everything that is known of one request, beside the list. */
export function RequestPanel({ id, known, newer, older, onOpen, onFilter, onClose }: PanelOf) {
  const { data: found, error, refetch } = useQuery({ ...requestQuery(id), enabled: known === undefined })
  const request = known ?? found
  // As on the panel's own button: Escape leaves at once, whatever a tooltip says meanwhile.
  const leave = (pressed: KeyboardEvent) => {
    if (pressed.key !== 'Escape') return
    pressed.stopPropagation()
    onClose()
  }
  return (
    <Dialog
      title="Request"
      position={{ narrow: 'fullscreen', regular: 'right' }}
      width="large"
      onClose={onClose}
      className={styles.panel}
    >
      <div className={styles.bar}>
        <span className={`${styles.id} mono`}>{visible(id)}</span>
        <div className={styles.buttons} onKeyDown={leave}>
          <CopyButton iconOnly label="Copy request ID" text={id} />
          <CopyButton iconOnly icon={LinkIcon} label="Copy link" text={window.location.origin + paths.request(id)} />
          {/* Whoever comes to an end by the keyboard keeps the focus, which a disabled button loses. */}
          <IconButton icon={ChevronUpIcon} aria-label="Newer request" size="small" variant="invisible" aria-disabled={!newer} onClick={() => newer && onOpen(newer)} />
          <IconButton icon={ChevronDownIcon} aria-label="Older request" size="small" variant="invisible" aria-disabled={!older} onClick={() => older && onOpen(older)} />
        </div>
      </div>
      {request ? (
        <Fields request={request} onFilter={onFilter} />
      ) : error ? (
        <Failure error={error} onRetry={() => void refetch()} />
      ) : request === null ? (
        <p className={styles.missing}>The log holds no request with this ID. It may have been removed by retention.</p>
      ) : (
        <Skeleton width="100%" height="240px" />
      )}
    </Dialog>
  )
}

function Fields({ request, onFilter }: { request: Request; onFilter: (name: ExactName, value: string) => void }) {
  const pick = (name: ExactName, value: string | null, text = value) =>
    value && (
      <button type="button" className={styles.filter} title="Show only requests with this value" onClick={() => onFilter(name, literal(value))}>
        {visible(text ?? value)}
      </button>
    )
  const plain = (value: string | null) => value && visible(value)
  const number = (value: number | null) => (value === null ? null : grouped(value))
  const tied = (name: ExactName & ('trace_id' | 'conversation_id'), eventName: 'traceId' | 'conversationId', value: string | null) =>
    value && (
      <>
        {pick(name, value)}
        <EventsWith name={eventName} value={value} />
      </>
    )

  return (
    <div className={styles.groups}>
      {(request.error_type || request.error_message) && (
        <section className={styles.error} data-status={request.status} aria-label="What went wrong">
          {request.error_type && <strong className="mono">{visible(request.error_type)}</strong>}
          {request.error_message && <p>{visible(request.error_message)}</p>}
        </section>
      )}
      <Group
        title="Call"
        facts={[
          ['Status', <button key="status" type="button" className={styles.filter} title="Show only requests with this value" onClick={() => onFilter('status', request.status)}><Label variant={statuses[request.status].variant}>{statuses[request.status].label}</Label></button>],
          ['HTTP status', request.http_status === null ? null : String(request.http_status)],
          ['Time', <Time key="time" at={request.timestamp} />],
          ['Model', pick('model', request.model)],
          ['Answered by', plain(request.response_model)],
          ['Backend', pick('backend_type', request.backend_type)],
          ['Endpoint', pick('endpoint', request.endpoint), 'mono'],
          ['Streamed', request.stream === null ? null : request.stream ? 'Yes' : 'No'],
          ['Duration', durationText(request.duration_ms)],
          ['First token after', request.ttft_ms === null ? null : durationText(request.ttft_ms)],
          ['Finish reason', plain(request.finish_reason)],
        ]}
      />
      <Group
        title="Tokens"
        facts={[
          ['Prompt', number(request.prompt_tokens)],
          ['of these cached', number(request.cached_tokens)],
          ['Completion', number(request.completion_tokens)],
          ['Total', number(request.total_tokens)],
        ]}
      />
      <Group
        title="Caller"
        facts={[
          ['API key', pick('api_key_id', request.api_key_id, request.api_key_name ?? request.api_key_id)],
          ['User', pick('user', request.user)],
          ['Client IP', pick('client_ip', request.client_ip), 'mono'],
        ]}
      />
      <Group
        title="Belongs to"
        facts={[
          ['Session ID', pick('session_id', request.session_id), 'mono'],
          ['Conversation ID', tied('conversation_id', 'conversationId', request.conversation_id), 'mono'],
          ['Trace ID', tied('trace_id', 'traceId', request.trace_id), 'mono'],
          ['Events', <EventsWith key="events" name="requestId" value={request.request_id} />],
          ['Upstream request ID', plain(request.upstream_request_id), 'mono'],
          ['Position in the log', grouped(request.id)],
        ]}
      />
    </div>
  )
}

const named = { requestId: 'Events of this request', traceId: 'Events of this trace', conversationId: 'Events of this conversation' }

const EventsWith = ({ name, value }: { name: keyof typeof named; value: string }) => (
  <Link as={RouterLink} inline className={styles.events} to={paths.eventsWith(name, value)}>
    {named[name]}
  </Link>
)

function Group({ title, facts }: { title: string; facts: [string, ReactNode, 'mono'?][] }) {
  return (
    <section aria-label={title}>
      <h2 className={styles.title}>{title}</h2>
      <dl className={styles.facts}>
        {facts.map(([name, value, font]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd className={font === 'mono' && value ? 'mono' : undefined}>{value || <span className="muted">–</span>}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}
