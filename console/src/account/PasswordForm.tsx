import { Banner, Button, FormControl, TextInput } from '@primer/react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { post, Problem } from '../api/call'
import { api } from '../paths'
import { meQuery } from '../session/session'

/** Sets or changes one's own password. */
export function PasswordForm({ hasPassword, onDone }: { hasPassword: boolean; onDone: () => void }) {
  const client = useQueryClient()
  const change = useMutation({
    mutationFn: (body: { current?: string; password: string }) => post(api.password, body),
    onSuccess: async () => {
      await client.invalidateQueries(meQuery)
      onDone()
    },
  })
  const problem = change.error instanceof Problem ? change.error : null
  const told = (field: string) => (problem?.parameter === field ? <FormControl.Validation variant="error">{problem.message}</FormControl.Validation> : null)
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        const form = event.currentTarget
        const given = new FormData(form)
        change.mutate({ current: hasPassword ? (given.get('current') as string) : undefined, password: given.get('password') as string }, { onSuccess: () => form.reset() })
      }}
    >
      {change.error && !problem?.parameter && <Banner variant="critical" title={problem?.title ?? 'Not changed'} description={change.error.message} />}
      {hasPassword && (
        <FormControl required>
          <FormControl.Label requiredText="">Current password</FormControl.Label>
          <TextInput type="password" name="current" autoComplete="current-password" block />
          {told('current')}
        </FormControl>
      )}
      <FormControl required>
        <FormControl.Label requiredText="">New password</FormControl.Label>
        <TextInput type="password" name="password" autoComplete="new-password" block />
        {told('password') ?? <FormControl.Caption>12 to 256 characters.</FormControl.Caption>}
      </FormControl>
      <Button type="submit" variant="primary" loading={change.isPending}>{hasPassword ? 'Change password' : 'Set password'}</Button>
    </form>
  )
}
