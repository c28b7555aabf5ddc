import { useQuery } from '@tanstack/react-query'
import { CommentDiscussionIcon, LogIcon, PulseIcon } from '@primer/octicons-react'
import { UnderlineNav } from '@primer/react'
import type { ReactNode } from 'react'
import { Link, useLocation } from 'react-router'
import { paths } from '../paths'
import { configQuery } from '../session/session'
import { PageHeading } from './PageHeading'

const logs = [
  { label: 'Events', to: paths.events, icon: LogIcon },
  { label: 'Requests', to: paths.requests, icon: PulseIcon },
]

// Only who may review conversations is told that there are any.
const conversations = { label: 'Conversations', to: paths.conversations, icon: CommentDiscussionIcon }

/** The heading of every audit log, and the way between them. */
export function AuditLogsHeading({ actions }: { actions?: ReactNode }) {
  const { pathname } = useLocation()
  const { data: config } = useQuery(configQuery)
  return (
    <>
      <PageHeading title="Audit Logs" actions={actions} />
      <div className="tabs">
        <UnderlineNav aria-label="Audit logs">
          {[...logs, ...(config?.auditLogsEnabled ? [conversations] : [])].map(({ label, to, icon: Icon }) => (
            <UnderlineNav.Item key={to} as={Link} to={to} aria-current={pathname === to ? 'page' : undefined} leadingVisual={<Icon />}>
              {label}
            </UnderlineNav.Item>
          ))}
        </UnderlineNav>
      </div>
    </>
  )
}
