import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Banner, Button, Label } from '@primer/react'
import { useState } from 'react'
import { get, remove } from '../api/call'
import type { Session } from '../api/types'
import { api } from '../paths'
import { useMe } from '../session/session'
import { useTitle } from '../shell/title'
import { Failure } from '../ui/Failure'
import { Facts, Section } from '../ui/Section'
import { Table, type Column } from '../ui/Table'
import { visible } from '../ui/text'
import { Time } from '../ui/Time'
import { roleLabel } from '../users/roles'
import styles from './AccountPage.module.css'
import { browserName } from './browser-name'
import { PasswordForm } from './PasswordForm'

const sessionsQuery = queryOptions({ queryKey: ['sessions'], queryFn: ({ signal }) => get<Session[]>(api.mySessions, undefined, signal) })

const columns = (onEnd: (session: Session) => void): Column<Session>[] => [
  {
    header: 'Browser',
    narrow: 'first',
    cell: (session) => (
      <>
        <span title={visible(session.userAgent ?? '')}>{browserName(session.userAgent)}</span> {session.current && <Label size="small" variant="success">This one</Label>}
      </>
    ),
  },
  { header: 'IP address', width: '140px', narrow: 'left', cell: (session) => <span className="mono">{session.ip ?? '–'}</span> },
  { header: 'Last used', width: '164px', narrow: 'right', cell: (session) => <Time at={session.lastUsedAt} /> },
  { header: 'Actions', isHeaderHidden: true, width: '104px', narrow: 'whole', cell: (session) => !session.current && <Button size="small" onClick={() => onEnd(session)}>Sign out</Button> },
]

/** One's own account. */
export function AccountPage() {
  useTitle('Your account')
  const client = useQueryClient()
  const me = useMe()
  const [isChanged, setChanged] = useState(false)
  const { data: sessions, error, refetch } = useQuery(sessionsQuery)
  const end = useMutation({ mutationFn: (session: Session) => remove(api.mySession(session.id)), onSuccess: () => client.invalidateQueries(sessionsQuery) })
  return (
    <>
      <h1 className={styles.title}>Your account</h1>
      <Facts facts={[['E-mail address', visible(me.email)], ['Name', me.name ? visible(me.name) : '–'], ['Role', roleLabel(me.role)]]} />
      <Section title={me.hasPassword ? 'Change password' : 'Set a password'} lead="Everywhere else you are signed out.">
        {isChanged && <Banner variant="success" title="The password was changed" description="Everywhere else you are signed out." />}
        <div className={styles.form}>
          <PasswordForm
            hasPassword={me.hasPassword}
            onDone={() => {
              setChanged(true)
              void client.invalidateQueries(sessionsQuery)
            }}
          />
        </div>
      </Section>
      <Section title="Where you are signed in">
        {(error ?? end.error) && <Failure error={(error ?? end.error)!} onRetry={() => void refetch()} />}
        {sessions && <Table label="Sessions" columns={columns((session) => end.mutate(session))} rows={sessions} keyOf={(session) => session.id} />}
      </Section>
    </>
  )
}
