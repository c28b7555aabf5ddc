import { useQuery } from '@tanstack/react-query'
import { Banner, Button, FormControl, TextInput } from '@primer/react'
import { useEffect, useRef, useState } from 'react'
import { Navigate, useNavigate, useSearchParams } from 'react-router'
import { Problem } from '../api/call'
import { api, paths } from '../paths'
import { useTitle } from '../shell/title'
import { providerProblem } from './provider-problems'
import { safeRedirect } from './redirect'
import { configQuery, meQuery, useSignIn } from './session'
import { SignInFrame } from './SignInFrame'

export function LoginPage() {
  useTitle('Sign in')
  const [parameters] = useSearchParams()
  const navigate = useNavigate()
  const { data: config } = useQuery(configQuery)
  const { data: me } = useQuery(meQuery)
  const signIn = useSignIn(api.login)
  const [leaving, setLeaving] = useState(false)
  const email = useRef<HTMLInputElement>(null)
  const password = useRef<HTMLInputElement>(null)

  const asked = safeRedirect(parameters.get('redirect'))
  const providerCode = parameters.get('problem')
  const provider = config?.signIn.provider

  useEffect(() => {
    if (signIn.isError) password.current?.select()
  }, [signIn.isError, signIn.failureCount])

  // While signing in, it is the answer that says where to go; two ways at once would cross.
  if (me && !signIn.isPending && !signIn.isSuccess) return <Navigate replace to={asked ?? paths.start} />

  async function submit() {
    const answer = await signIn.mutateAsync({ email: email.current!.value.trim(), password: password.current!.value, redirect: asked ?? undefined })
    // The server has checked it; what it says is checked here once more.
    await navigate(safeRedirect(answer.redirect) ?? paths.start, { replace: true })
  }

  return (
    <SignInFrame title={`Sign in to ${config?.productName ?? 'Cairn'}`}>
      {providerCode && !signIn.isError && <Banner variant="critical" title="Signing in did not work" description={providerProblem(providerCode, provider?.name)} />}
      {signIn.error && <SignInFailed error={signIn.error} />}
      {config?.needsAdministrator && (
        <Banner variant="info" title="There is no administrator yet" description="Open the one-time sign-in link that Cairn printed when it started, and create the first one." />
      )}
      {config?.signIn.password !== false && (
        <form
          onSubmit={(event) => {
            event.preventDefault()
            submit().catch(() => undefined)
          }}
        >
          <FormControl required>
            <FormControl.Label requiredText="">E-mail address</FormControl.Label>
            <TextInput ref={email} type="email" name="email" autoComplete="username" block autoFocus />
          </FormControl>
          <FormControl required>
            <FormControl.Label requiredText="">Password</FormControl.Label>
            <TextInput ref={password} type="password" name="password" autoComplete="current-password" block />
          </FormControl>
          <Button type="submit" variant="primary" block loading={signIn.isPending}>
            Sign in
          </Button>
        </form>
      )}
      {provider && (
        <Button
          block
          loading={leaving}
          onClick={() => {
            setLeaving(true)
            window.location.assign(`${provider.url}?redirect=${encodeURIComponent(asked ?? paths.start)}`)
          }}
        >
          Sign in with {provider.name}
        </Button>
      )}
    </SignInFrame>
  )
}

function SignInFailed({ error }: { error: Error }) {
  const wait = error instanceof Problem ? error.retryAfterSeconds : undefined
  return <Banner variant="critical" title={error instanceof Problem ? error.title : 'Signing in did not work'} description={`${error.message}${wait ? ` Try again in ${wait} s.` : ''}`} />
}
