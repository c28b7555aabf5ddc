import { useQuery } from '@tanstack/react-query'
import { EyeIcon } from '@primer/octicons-react'
import { Button } from '@primer/react'
import { useState } from 'react'
import type { ConversationViews } from '../api/types'
import { paths } from '../paths'
import { Failure } from '../ui/Failure'
import { counted, visible } from '../ui/text'
import { Time } from '../ui/Time'
import { relativeText } from '../ui/time'
import { viewsQuery } from './conversations-query'
import styles from './Views.module.css'

const few = 20
const most = 100

const nameOf = ({ viewer_name, viewer_email, viewer_id }: ConversationViews['items'][number]) => visible(viewer_name ?? viewer_email ?? viewer_id ?? 'System')

/**
 * Who has looked at a conversation, the reader among them.
 * @param turn - How often the reader has looked by now.
 */
export function Views({ id, turn }: { id: string; turn: number }) {
  const [size, setSize] = useState(few)
  const { data: views, error, refetch } = useQuery(viewsQuery(id, size, turn))
  if (error && !views) return <Failure error={error} onRetry={() => void refetch()} />
  const last = views?.items[0]
  return (
    <details className={styles.views}>
      <summary>
        <EyeIcon size={14} className={styles.eye} />{' '}
        {!views ? 'Who has viewed it…' : last ? <>Viewed {counted(views.total, 'time')}, last by <bdi>{nameOf(last)}</bdi> {relativeText(new Date(last.viewed_at), new Date())}</> : 'Not viewed yet'}
      </summary>
      {views && (
        <div className={styles.list}>
          <p className="muted">Each page of messages that someone reads counts as one, and is an event.</p>
          <ol aria-label="Views">
            {views.items.map((view) => (
              <li key={view.event_id}>
                <Time at={view.viewed_at} to={paths.event(view.event_id)} /> <bdi>{nameOf(view)}</bdi>
                {view.viewer_name && view.viewer_email && view.viewer_email !== view.viewer_name && <bdi className="muted"> {visible(view.viewer_email)}</bdi>}
              </li>
            ))}
          </ol>
          {views.total > views.items.length && (size < most ? <Button size="small" onClick={() => setSize(most)}>Show more</Button> : <p className="muted">These are the latest {most}; the others are among the events.</p>)}
        </div>
      )}
    </details>
  )
}
