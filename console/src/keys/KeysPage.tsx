import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { KeyIcon, PlusIcon } from '@primer/octicons-react'
import { Banner, Button, ConfirmationDialog, Label } from '@primer/react'
import { useState } from 'react'
import { get, post, remove } from '../api/call'
import type { CreatedKey, Key, NewKey } from '../api/types'
import { api } from '../paths'
import { PageHeading } from '../shell/PageHeading'
import { Blankslate } from '../ui/Blankslate'
import { CopyButton } from '../ui/CopyButton'
import { Failure } from '../ui/Failure'
import { Skeleton } from '../ui/Skeleton'
import { Table, TableSkeleton, type Column } from '../ui/Table'
import { visible } from '../ui/text'
import { Time } from '../ui/Time'
import { KeyForm } from './KeyForm'
import styles from './KeysPage.module.css'

const keysQuery = queryOptions({ queryKey: ['keys'], queryFn: ({ signal }) => get<Key[]>(api.keys, undefined, signal) })

const isOver = (key: Key) => key.revokedAt !== null || (key.expiresAt !== null && new Date(key.expiresAt) <= new Date())

const columns = (onRevoke: (key: Key) => void): Column<Key>[] => [
  {
    header: 'Name',
    narrow: 'first',
    cell: (key) => (
      <>
        <strong className={isOver(key) ? 'muted' : undefined}>{visible(key.name)}</strong> {key.revokedAt ? <Label size="small">Revoked</Label> : isOver(key) && <Label size="small" variant="attention">Expired</Label>}
      </>
    ),
  },
  { header: 'Scopes', narrow: 'whole', cell: (key) => <div className={styles.scopes}>{key.scopes.map((scope) => <Label key={scope} variant="secondary">{scope}</Label>)}</div> },
  { header: 'Last used', width: '164px', narrow: 'whole', cell: (key) => (key.lastUsedAt ? <Time at={key.lastUsedAt} /> : <span className="muted">never used</span>) },
  { header: 'Expires', width: '164px', narrow: 'hidden', cell: (key) => (key.expiresAt ? <Time at={key.expiresAt} /> : <span className="muted">never</span>) },
  {
    header: 'Actions',
    isHeaderHidden: true,
    width: '96px',
    narrow: 'end',
    cell: (key) => key.revokedAt === null && <div className={styles.revoke}><Button size="small" variant="danger" aria-label={`Revoke ${key.name}`} onClick={() => onRevoke(key)}>Revoke</Button></div>,
  },
]

export function KeysPage() {
  const client = useQueryClient()
  const { data: keys, error, refetch } = useQuery(keysQuery)
  const [isAdding, setAdding] = useState(false)
  const [revoking, setRevoking] = useState<Key | null>(null)
  const [created, setCreated] = useState<CreatedKey | null>(null)
  const onSuccess = () => client.invalidateQueries(keysQuery)
  const add = useMutation({ mutationFn: (key: NewKey) => post<CreatedKey>(api.keys, key), onSuccess })
  const revoke = useMutation({ mutationFn: (key: Key) => remove(api.key(key.id)), onSuccess })
  const table = columns(setRevoking)

  return (
    <>
      <PageHeading
        title="API keys"
        lead="With a key an application sends events, calls models, or reads the audit log."
        actions={<Button variant="primary" leadingVisual={PlusIcon} onClick={() => setAdding(true)}>New API key</Button>}
      />
      {created && (
        <div className={styles.created}>
          <Banner
            variant="success"
            title={`Created “${visible(created.name)}”`}
            onDismiss={() => setCreated(null)}
            description={
              <>
                <p>Copy it now: it is kept as a hash only and cannot be shown again.</p>
                <div className={styles.secret}>
                  <code>{created.key}</code>
                  <CopyButton label="Copy key" text={created.key} />
                </div>
              </>
            }
          />
        </div>
      )}
      {revoke.error && <div className={styles.created}><Failure error={revoke.error} /></div>}
      {error && !keys ? (
        <Failure error={error} onRetry={() => void refetch()} />
      ) : !keys ? (
        <TableSkeleton label="API keys" columns={table} rows={3} cell={(column) => <Skeleton width={column === 0 ? '160px' : '90px'} />} />
      ) : keys.length === 0 ? (
        <Blankslate icon={KeyIcon} title="There are no API keys.">An application needs one to send events or to call models through Cairn.</Blankslate>
      ) : (
        <Table label="API keys" columns={table} rows={keys} keyOf={(key) => key.id} />
      )}
      {isAdding && (
        <KeyForm
          isPending={add.isPending}
          error={add.error}
          onClose={() => {
            setAdding(false)
            add.reset()
          }}
          onSubmit={(key) =>
            add.mutate(key, {
              onSuccess: (made) => {
                setCreated(made)
                setAdding(false)
                window.scrollTo({ top: 0 })
              },
            })
          }
        />
      )}
      {revoking && (
        <ConfirmationDialog
          title={`Revoke ${visible(revoking.name)}?`}
          confirmButtonContent="Revoke"
          confirmButtonType="danger"
          onClose={(gesture) => {
            if (gesture === 'confirm') {
              if (created?.id === revoking.id) setCreated(null)
              revoke.mutate(revoking)
            }
            setRevoking(null)
          }}
        >
          Whatever uses this key is refused within a second. It cannot be undone.
        </ConfirmationDialog>
      )}
    </>
  )
}
