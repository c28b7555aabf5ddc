import { useQuery } from '@tanstack/react-query'
import { PersonIcon } from '@primer/octicons-react'
import { Link } from '@primer/react'
import { Link as RouterLink } from 'react-router'
import { paths } from '../paths'
import { configQuery, mayRead, useMe } from '../session/session'
import { useTitle } from '../shell/title'
import { Blankslate } from '../ui/Blankslate'
import { visible } from '../ui/text'

/** For everyone who is signed in; all there is for people without a role. */
export function DashboardPage() {
  useTitle('Dashboard')
  const me = useMe()
  const { data: config } = useQuery(configQuery)
  return (
      <Blankslate
        isPage
        icon={PersonIcon}
        title={`Welcome, ${visible(me.name ?? me.email)}`}
        action={mayRead(me.role) ? <Link as={RouterLink} to={paths.events}>Go to the audit logs</Link> : config?.backLink && <Link href={config.backLink.url}>{visible(config.backLink.label)}</Link>}
      >
        {mayRead(me.role) ? 'You can see the audit logs.' : 'You are signed in. Your account has no role that shows audit logs; an administrator can give you one.'}
      </Blankslate>
  )
}
