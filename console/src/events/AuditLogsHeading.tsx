import { LogIcon } from '@primer/octicons-react'
import { UnderlineNav } from '@primer/react'
import type { ReactNode } from 'react'
import { Link } from 'react-router'
import { paths } from '../paths'
import { PageHeading } from '../shell/PageHeading'

/** The heading of every audit log, and the way between them. */
export function AuditLogsHeading({ actions }: { actions?: ReactNode }) {
  return (
    <>
      <PageHeading title="Audit Logs" actions={actions} />
      <div className="tabs">
        <UnderlineNav aria-label="Audit logs">
          <UnderlineNav.Item as={Link} to={paths.events} aria-current="page" leadingVisual={<LogIcon />}>
            Events
          </UnderlineNav.Item>
        </UnderlineNav>
      </div>
    </>
  )
}
