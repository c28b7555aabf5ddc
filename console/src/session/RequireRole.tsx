import { useQuery } from '@tanstack/react-query'
import { Navigate, Outlet, useLocation } from 'react-router'
import { paths } from '../paths'
import { Failure } from '../ui/Failure'
import { meQuery, type Role } from './session'

/** Pages for some. Who is not signed in comes back here after signing in; who is and may not, goes to the dashboard. */
export function RequireRole({ roles }: { roles: Role[] }) {
  const { data: me, error, refetch } = useQuery(meQuery)
  const { pathname, search, hash } = useLocation()
  if (me === null) {
    const here = pathname + search + hash
    return <Navigate replace to={here === paths.start ? paths.signIn : `${paths.signIn}?redirect=${encodeURIComponent(here)}`} />
  }
  if (me && !roles.includes(me.role)) return <Navigate replace to={paths.dashboard} />
  if (me) return <Outlet />
  if (error) return <main className="lonely"><Failure error={error} onRetry={() => void refetch()} /></main>
  return <main className="lonely" aria-busy="true" />
}
