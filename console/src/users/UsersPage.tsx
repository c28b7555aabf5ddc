import { useQuery } from '@tanstack/react-query'
import { KebabHorizontalIcon, PeopleIcon, PersonAddIcon } from '@primer/octicons-react'
import { ActionList, ActionMenu, Banner, Button, ConfirmationDialog, Dialog, IconButton, Label } from '@primer/react'
import { useState } from 'react'
import { useParams } from 'react-router'
import type { User, UserLink } from '../api/types'
import { useMe } from '../session/session'
import { PageHeading } from '../shell/PageHeading'
import { Blankslate } from '../ui/Blankslate'
import { CopyButton } from '../ui/CopyButton'
import { Failure } from '../ui/Failure'
import { Identicon } from '../ui/Identicon'
import { Skeleton } from '../ui/Skeleton'
import { Table, TableSkeleton, type Column } from '../ui/Table'
import { visible } from '../ui/text'
import { Time } from '../ui/Time'
import { roleLabel } from './roles'
import { UserForm } from './UserForm'
import { usersQuery, useUserChanges } from './users-query'
import styles from './UsersPage.module.css'

type Asked = { what: 'add' } | { what: 'edit' | 'remove' | 'disable'; user: User } | { what: 'link'; user: User; link: UserLink }

const columns = (me: string, menu: (user: User) => React.ReactNode): Column<User>[] => [
  {
    header: 'Person',
    narrow: 'first',
    cell: (user) => (
      <div className={styles.person}>
        <Identicon of={user.id} size={24} />
        <div>
          <strong>{visible(user.name ?? user.email)}</strong> {user.id === me && <Label size="small">You</Label>} {user.disabledAt && <Label size="small" variant="attention">Disabled</Label>}
          {user.name && <div className="muted">{visible(user.email)}</div>}
        </div>
      </div>
    ),
  },
  { header: 'Role', width: '130px', narrow: 'left', cell: (user) => roleLabel(user.role) },
  { header: 'Signs in with', width: '180px', narrow: 'hidden', cell: (user) => [user.hasPassword && 'password', user.provider && 'provider'].filter(Boolean).join(', ') || <span className="muted">one-time link</span> },
  { header: 'Last sign-in', width: '164px', narrow: 'right', cell: (user) => (user.lastSignInAt ? <Time at={user.lastSignInAt} /> : <span className="muted">never</span>) },
  { header: 'Actions', isHeaderHidden: true, width: '52px', narrow: 'end', cell: menu },
]

export function UsersPage() {
  const { id: named } = useParams()
  const me = useMe()
  const { data: users, error, refetch } = useQuery(usersQuery)
  const changes = useUserChanges()
  const [asked, setAsked] = useState<Asked | null>(null)
  const [failed, setFailed] = useState<Error | null>(null)

  const close = () => {
    setAsked(null)
    changes.add.reset()
    changes.change.reset()
  }
  const ask = (next: Asked) => {
    setFailed(null)
    setAsked(next)
  }

  const menu = (user: User) => (
    <div className={styles.menu}>
      <ActionMenu>
        <ActionMenu.Anchor>
          <IconButton icon={KebabHorizontalIcon} size="small" variant="invisible" aria-label={`Actions for ${user.email}`} unsafeDisableTooltip />
        </ActionMenu.Anchor>
        <ActionMenu.Overlay align="end">
          <ActionList>
            <ActionList.Item onSelect={() => ask({ what: 'edit', user })}>Edit…</ActionList.Item>
            <ActionList.Item onSelect={() => changes.link.mutate(user.id, { onSuccess: (link) => ask({ what: 'link', user, link }), onError: setFailed })}>Make a sign-in link…</ActionList.Item>
            {user.disabledAt ? (
              <ActionList.Item onSelect={() => changes.change.mutate({ id: user.id, disabled: false }, { onError: setFailed })}>Enable</ActionList.Item>
            ) : (
              <ActionList.Item onSelect={() => ask({ what: 'disable', user })}>Disable…</ActionList.Item>
            )}
            <ActionList.Divider />
            <ActionList.Item variant="danger" onSelect={() => ask({ what: 'remove', user })}>Remove…</ActionList.Item>
          </ActionList>
        </ActionMenu.Overlay>
      </ActionMenu>
    </div>
  )
  const table = columns(me.id, menu)

  return (
    <>
      <PageHeading title="Users" lead="Who may sign in to this console. What they did stays in the log under the name that they had then." actions={<Button variant="primary" leadingVisual={PersonAddIcon} onClick={() => ask({ what: 'add' })}>Add user</Button>} />
      {failed && <div className={styles.failure}><Failure error={failed} /></div>}
      {named && users && !users.some((user) => user.id === named) && <div className={styles.failure}><Banner variant="info" title="This account is not there any more" description={`No account has the id ${visible(named)}.`} /></div>}
      {error && !users ? (
        <Failure error={error} onRetry={() => void refetch()} />
      ) : !users ? (
        <TableSkeleton label="Users" columns={table} rows={3} cell={(column) => <Skeleton width={column === 0 ? '180px' : '80px'} />} />
      ) : users.length === 0 ? (
        <Blankslate icon={PeopleIcon} title="There are no accounts." />
      ) : (
        <Table label="Users" columns={table} rows={users} keyOf={(user) => user.id} rowProps={(user) => (user.id === named ? { className: styles.named, 'aria-current': true } : {})} />
      )}

      {asked?.what === 'add' && (
        <UserForm isPending={changes.add.isPending} error={changes.add.error} onClose={close} onSubmit={(user) => changes.add.mutate(user, { onSuccess: close })} />
      )}
      {asked?.what === 'edit' && (
        <UserForm
          user={asked.user}
          isPending={changes.change.isPending}
          error={changes.change.error}
          onClose={close}
          onSubmit={({ name, role, password }) => changes.change.mutate({ id: asked.user.id, name: name ?? null, role, password }, { onSuccess: close })}
        />
      )}
      {asked?.what === 'link' && (
        <Dialog title={`Sign-in link for ${asked.user.email}`} width="large" onClose={close} footerButtons={[{ content: 'Done', onClick: close }]}>
          <p>It works once. Whoever has it signs in as {visible(asked.user.email)}, so hand it over in a safe way.</p>
          <div className={styles.secret}>
            <code>{asked.link.url}</code>
            <CopyButton label="Copy" text={asked.link.url} />
          </div>
          <p className="muted">Valid until <Time at={asked.link.expiresAt} />.</p>
        </Dialog>
      )}
      {asked?.what === 'disable' && (
        <ConfirmationDialog
          title={`Disable ${asked.user.email}?`}
          confirmButtonContent="Disable"
          confirmButtonType="danger"
          onClose={(gesture) => {
            if (gesture === 'confirm') changes.change.mutate({ id: asked.user.id, disabled: true }, { onError: setFailed })
            close()
          }}
        >
          They are signed out at once and cannot sign in until they are enabled again.
        </ConfirmationDialog>
      )}
      {asked?.what === 'remove' && (
        <ConfirmationDialog
          title={`Remove ${asked.user.email}?`}
          confirmButtonContent="Remove"
          confirmButtonType="danger"
          onClose={(gesture) => {
            if (gesture === 'confirm') changes.remove.mutate(asked.user.id, { onError: setFailed })
            close()
          }}
        >
          The account is removed and its sessions end at once. Its events stay.
        </ConfirmationDialog>
      )}
    </>
  )
}
