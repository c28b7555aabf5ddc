import { Link } from '@primer/react'
import { Link as RouterLink } from 'react-router'
import type { AuditEvent } from '../api/types'
import { visible } from '../ui/text'
import styles from './cells.module.css'

/** What was acted on, by its name then: a link while it exists and has a page, muted once it was deleted. */
export function ResourceName({ event }: { event: AuditEvent }) {
  const name = event.resourceName ?? event.resourceId
  if (name === null) return null
  const text = <bdi className={styles.clamped}>{visible(name)}</bdi>
  if (!event.resourceExists) return <span className="muted" title="It was deleted later">{text}</span>
  const url = safeUrl(event.resourceUrl)
  if (url === null) return text
  // A page of this console opens within it; the host application's pages are loaded.
  return url.startsWith('/admin/users') ? <Link as={RouterLink} to={url} muted={false}>{text}</Link> : <Link href={url}>{text}</Link>
}

/** Link templates are the configuration's; nothing else than a path or a web address becomes a link all the same. */
export const safeUrl = (url: string | null) => (url !== null && /^(\/(?![/\\])|https?:\/\/)/i.test(url) ? url : null)
