import { Dialog } from '@primer/react'
import { Suspense, useState } from 'react'
import { Outlet, useLocation } from 'react-router'
import { mayRead, useMe } from '../session/session'
import { PageErrors } from './ErrorPage'
import { Sidebar } from './Sidebar'
import { TopBar } from './TopBar'
import styles from './Shell.module.css'

/** What surrounds every page behind sign-in. On a narrow screen the sidebar opens over the page. */
export function Shell({ hasSidebar = true }: { hasSidebar?: boolean }) {
  const { role } = useMe()
  const { pathname } = useLocation()
  const [openedAt, setOpenedAt] = useState<string | null>(null)
  const hasPlaces = hasSidebar && mayRead(role)
  return (
    <>
      <a className={styles.skip} href="#page">Skip to content</a>
      <TopBar onMenu={hasPlaces ? () => setOpenedAt(pathname) : undefined} />
      <div className={styles.body} data-sidebar={hasPlaces}>
        {hasPlaces && (
          <div className={styles.sidebar}>
            <Sidebar />
          </div>
        )}
        {hasPlaces && openedAt === pathname && (
          <Dialog title="Navigation" onClose={() => setOpenedAt(null)} position="left" width="small" className={styles.drawer}>
            <Sidebar onGo={() => setOpenedAt(null)} />
          </Dialog>
        )}
        <main id="page" tabIndex={-1} className={styles.page}>
          <PageErrors key={pathname}>
            <Suspense fallback={null}>
              <Outlet />
            </Suspense>
          </PageErrors>
        </main>
      </div>
    </>
  )
}
