import { Banner, Dialog, FormControl, Radio, RadioGroup, TextInput } from '@primer/react'
import { useRef, useState, type FormEvent } from 'react'
import type { NewUser, User } from '../api/types'
import { Problem } from '../api/call'
import { roles } from './roles'
import styles from './UserForm.module.css'

/** Adds an account, or changes what one is called and may. */
export function UserForm({ user, isPending, error, onSubmit, onClose }: { user?: User; isPending: boolean; error: Error | null; onSubmit: (user: NewUser) => void; onClose: () => void }) {
  const form = useRef<HTMLFormElement>(null)
  const [role, setRole] = useState<User['role']>(user?.role ?? 'viewer')
  const problem = error instanceof Problem ? error : null
  const told = (field: string) => (problem?.parameter === field ? <FormControl.Validation variant="error">{problem.message}</FormControl.Validation> : null)

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const given = new FormData(event.currentTarget)
    const text = (name: string) => (given.get(name) as string | null)?.trim() || undefined
    onSubmit({ email: user?.email ?? text('email') ?? '', name: text('name'), role, password: (given.get('password') as string | null) || undefined })
  }

  return (
    <Dialog
      title={user ? `Edit ${user.email}` : 'Add user'}
      width="large"
      onClose={onClose}
      footerButtons={[
        { content: 'Cancel', onClick: onClose },
        { content: user ? 'Save' : 'Add user', buttonType: 'primary', loading: isPending, onClick: () => form.current?.requestSubmit() },
      ]}
    >
      <form ref={form} className={styles.form} onSubmit={submit}>
        {error && (!problem?.parameter || (user && problem.parameter === 'email')) && <Banner variant="critical" title={problem?.title ?? 'Not saved'} description={error.message} />}
        {!user && (
          <FormControl required>
            <FormControl.Label requiredText="">E-mail address</FormControl.Label>
            <TextInput type="email" name="email" block autoComplete="off" />
            {told('email')}
          </FormControl>
        )}
        <FormControl>
          <FormControl.Label>Name</FormControl.Label>
          <TextInput name="name" block defaultValue={user?.name ?? ''} autoComplete="off" />
          {told('name')}
        </FormControl>
        <RadioGroup name="role">
          <RadioGroup.Label>Role</RadioGroup.Label>
          {roles.map(({ value, label, may }) => (
            <FormControl key={value}>
              <Radio name="role" value={value} checked={value === role} onChange={() => setRole(value)} />
              <FormControl.Label>{label}</FormControl.Label>
              <FormControl.Caption>{may}</FormControl.Caption>
            </FormControl>
          ))}
        </RadioGroup>
        <FormControl>
          <FormControl.Label>{user?.hasPassword ? 'New password' : 'Password'}</FormControl.Label>
          <TextInput type="password" name="password" block autoComplete="new-password" />
          {told('password') ?? <FormControl.Caption>{user ? 'Leave it empty to keep what there is. 12 to 256 characters.' : 'Without one they sign in with a one-time link, or with the provider. 12 to 256 characters.'}</FormControl.Caption>}
        </FormControl>
      </form>
    </Dialog>
  )
}
