import { lazy, Suspense } from 'react'
import { createBrowserRouter, Navigate, Outlet, useRouteError } from 'react-router'
import { DashboardPage } from './dashboard/DashboardPage'
import { EventsPage } from './events/EventsPage'
import { paths } from './paths'
import { LoginPage } from './session/LoginPage'
import { RequireRole } from './session/RequireRole'
import { mayRead, useMe } from './session/session'
import { ErrorPage } from './shell/ErrorPage'
import { NotFoundPage } from './shell/NotFoundPage'
import { Shell } from './shell/Shell'

// The events come with the first load; what is opened less often comes when it is opened.
const LinkPage = lazy(() => import('./session/LinkPage').then((page) => ({ default: page.LinkPage })))
const EventPage = lazy(() => import('./events/EventPage').then((page) => ({ default: page.EventPage })))
const RequestsPage = lazy(() => import('./requests/RequestsPage').then((page) => ({ default: page.RequestsPage })))
const ConversationsPage = lazy(() => import('./conversations/ConversationsPage').then((page) => ({ default: page.ConversationsPage })))
const OverviewPage = lazy(() => import('./overview/OverviewPage').then((page) => ({ default: page.OverviewPage })))
const UsersPage = lazy(() => import('./users/UsersPage').then((page) => ({ default: page.UsersPage })))
const KeysPage = lazy(() => import('./keys/KeysPage').then((page) => ({ default: page.KeysPage })))
const ConfigurationPage = lazy(() => import('./configuration/ConfigurationPage').then((page) => ({ default: page.ConfigurationPage })))
const AccountPage = lazy(() => import('./account/AccountPage').then((page) => ({ default: page.AccountPage })))

export const router = createBrowserRouter([
  {
    element: <Suspense fallback={null}><Outlet /></Suspense>,
    errorElement: <Failed />,
    children: [
      { path: paths.signIn, element: <LoginPage /> },
      { path: paths.signInLink, element: <LinkPage /> },
      {
        element: <RequireRole roles={['admin', 'viewer', 'user']} />,
        children: [
          { path: paths.start, element: <Start /> },
          {
            element: <Shell hasSidebar={false} />,
            children: [
              { path: paths.dashboard, element: <DashboardPage /> },
              { path: paths.account, element: <AccountPage /> },
              { path: '*', element: <NotFoundPage /> },
            ],
          },
        ],
      },
      {
        element: <RequireRole roles={['admin', 'viewer']} />,
        children: [
          {
            element: <Shell />,
            children: [
              { path: paths.overview, element: <OverviewPage /> },
              { path: paths.events, element: <EventsPage /> },
              { path: paths.requests, element: <RequestsPage /> },
              { path: paths.event(':id').replace('%3A', ':'), element: <EventPage /> },
              { path: paths.overview + '/*', element: <NotFoundPage /> },
            ],
          },
        ],
      },
      {
        element: <RequireRole roles={['admin']} />,
        children: [
          {
            element: <Shell />,
            children: [
              { path: paths.conversations, element: <ConversationsPage /> },
              { path: paths.users, element: <UsersPage /> },
              { path: paths.user(':id').replace('%3A', ':'), element: <UsersPage /> },
              { path: paths.keys, element: <KeysPage /> },
              { path: paths.configuration, element: <ConfigurationPage /> },
            ],
          },
        ],
      },
    ],
  },
])

function Start() {
  return <Navigate replace to={mayRead(useMe().role) ? paths.events : paths.dashboard} />
}

function Failed() {
  const error = useRouteError()
  return <main><ErrorPage error={error instanceof Error ? error : new Error(String(error))} /></main>
}
