import { useQuery } from '@tanstack/react-query'
import { Banner, Button, FormControl, Link, Spinner, TextInput } from '@primer/react'
import { useEffect, useRef, useState } from 'react'
import { Link as RouterLink, useNavigate } from 'react-router'
import { Problem } from '../api/call'
import { api, paths } from '../paths'
import { useTitle } from '../shell/title'
import { PasswordForm } from '../account/PasswordForm'
import { safeRedirect } from './redirect'
import { configQuery, useSignIn } from './session'
import { SignInFrame } from './SignInFrame'

/** A one-time link. What it opens stands after the #, which browsers send nowhere. */
export function LinkPage() {
  useTitle('Sign in')
  const navigate = useNavigate()
  const [token] = useState(() => window.location.hash.slice(1))
  const { data: config } = useQuery(configQuery)
  const signIn = useSignIn(api.link)
  const began = useRef(false)
  const { mutate } = signIn

  useEffect(() => {
    if (began.current || token === '') return
    began.current = true
    // It is used up by opening it, and has no place in the browser's history.
    window.history.replaceState(window.history.state, '', paths.signInLink)
    mutate({ token })
  }, [mutate, token])

  const problem = signIn.error instanceof Problem ? signIn.error : null
  const makesAdministrator = problem?.status === 400 && (problem.parameter === 'email' || problem.parameter === 'password')
  const [wasAsked, setWasAsked] = useState(false)
  if (makesAdministrator && !wasAsked) setWasAsked(true)

  const goOn = () => navigate((signIn.data && safeRedirect(signIn.data.redirect)) ?? paths.start, { replace: true })
  const needsNoMore = signIn.data !== undefined && (signIn.data.user.hasPassword || config?.signIn.password === false)
  useEffect(() => {
    if (needsNoMore) void goOn()
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [needsNoMore])

  if (signIn.data && !needsNoMore)
    return (
      <SignInFrame title="Set a password">
        <p className="muted">You are signed in. With a password you can sign in again without a link.</p>
        <PasswordForm hasPassword={false} onDone={() => void goOn()} />
        <Button variant="invisible" onClick={() => void goOn()}>Not now</Button>
      </SignInFrame>
    )
  if (wasAsked) return <FirstAdministrator isPending={signIn.isPending} problem={problem} onSubmit={(person) => mutate({ token, ...person })} />
  if (token === '' || (signIn.error && !makesAdministrator))
    return (
      <SignInFrame title="This link does not work">
        <Banner variant="critical" title={problem?.title ?? 'Not a whole link'} description={signIn.error?.message ?? 'The part after # is missing. Copy the whole link.'} />
        <Link as={RouterLink} to={paths.signIn}>Sign in another way</Link>
      </SignInFrame>
    )
  return (
    <SignInFrame title="Signing in">
      <Spinner srText="Signing in" />
    </SignInFrame>
  )
}

function FirstAdministrator({ isPending, problem, onSubmit }: { isPending: boolean; problem: Problem | null; onSubmit: (person: Record<string, string | undefined>) => void }) {
  const [wasSent, setWasSent] = useState(false)
  const told = (field: string) => (wasSent && problem?.parameter === field ? <FormControl.Validation variant="error">{problem.message}</FormControl.Validation> : null)
  return (
    <SignInFrame title="Create the first administrator">
      {wasSent && problem && !problem.parameter && <Banner variant="critical" title={problem.title} description={problem.message} />}
      <form
        onSubmit={(event) => {
          event.preventDefault()
          const given = new FormData(event.currentTarget)
          const text = (name: string) => (given.get(name) as string).trim() || undefined
          setWasSent(true)
          onSubmit({ email: text('email'), name: text('name'), password: given.get('password') as string })
        }}
      >
        <FormControl required>
          <FormControl.Label requiredText="">E-mail address</FormControl.Label>
          <TextInput type="email" name="email" autoComplete="username" block autoFocus />
          {told('email')}
        </FormControl>
        <FormControl>
          <FormControl.Label>Name</FormControl.Label>
          <TextInput name="name" autoComplete="name" block />
        </FormControl>
        <FormControl required>
          <FormControl.Label requiredText="">Password</FormControl.Label>
          <TextInput type="password" name="password" autoComplete="new-password" block />
          {told('password') ?? <FormControl.Caption>12 to 256 characters.</FormControl.Caption>}
        </FormControl>
        <Button type="submit" variant="primary" block loading={isPending}>Create administrator</Button>
      </form>
    </SignInFrame>
  )
}
