import { Banner, Checkbox, CheckboxGroup, Dialog, FormControl, Select, TextInput } from '@primer/react'
import { useRef, useState, type FormEvent } from 'react'
import { Problem } from '../api/call'
import type { NewKey, Scope } from '../api/types'
import styles from '../users/UserForm.module.css'

const scopes: { value: Scope; may: string }[] = [
  { value: 'events:write', may: 'Send events.' },
  { value: 'inference', may: 'Call models through the gateway.' },
  { value: 'conversations:write', may: 'Send conversations.' },
  { value: 'audit:read', may: 'Read requests and events, follow and export them.' },
]

const lifetimes = [['30', '30 days'], ['90', '90 days'], ['365', 'One year'], ['', 'Never']] as const

export function KeyForm({ isPending, error, onSubmit, onClose }: { isPending: boolean; error: Error | null; onSubmit: (key: NewKey) => void; onClose: () => void }) {
  const form = useRef<HTMLFormElement>(null)
  const [lacksScope, setLacksScope] = useState(false)
  const problem = error instanceof Problem ? error : null

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const given = new FormData(event.currentTarget)
    const chosen = given.getAll('scopes') as Scope[]
    setLacksScope(chosen.length === 0)
    if (chosen.length === 0) return
    const days = Number(given.get('days'))
    onSubmit({ name: (given.get('name') as string).trim(), scopes: chosen, ...(days ? { expiresAt: new Date(Date.now() + days * 86_400_000).toISOString() } : {}) })
  }

  return (
    <Dialog
      title="New API key"
      width="large"
      onClose={onClose}
      footerButtons={[
        { content: 'Cancel', onClick: onClose },
        { content: 'Create key', buttonType: 'primary', loading: isPending, onClick: () => form.current?.requestSubmit() },
      ]}
    >
      <form ref={form} className={styles.form} onSubmit={submit}>
        {error && problem?.parameter !== 'name' && <Banner variant="critical" title={problem?.title ?? 'Not created'} description={error.message} />}
        <FormControl required>
          <FormControl.Label requiredText="">Name</FormControl.Label>
          <TextInput name="name" block autoComplete="off" />
          {problem?.parameter === 'name' ? <FormControl.Validation variant="error">{problem.message}</FormControl.Validation> : <FormControl.Caption>What it is for, such as “billing service”.</FormControl.Caption>}
        </FormControl>
        <CheckboxGroup>
          <CheckboxGroup.Label>Scopes</CheckboxGroup.Label>
          {scopes.map(({ value, may }) => (
            <FormControl key={value}>
              <Checkbox name="scopes" value={value} />
              <FormControl.Label>{value}</FormControl.Label>
              <FormControl.Caption>{may}</FormControl.Caption>
            </FormControl>
          ))}
          {lacksScope && <CheckboxGroup.Validation variant="error">Choose at least one scope.</CheckboxGroup.Validation>}
        </CheckboxGroup>
        <FormControl>
          <FormControl.Label>Expires after</FormControl.Label>
          <Select name="days" defaultValue="90">
            {lifetimes.map(([days, text]) => <Select.Option key={text} value={days}>{text}</Select.Option>)}
          </Select>
        </FormControl>
      </form>
    </Dialog>
  )
}
