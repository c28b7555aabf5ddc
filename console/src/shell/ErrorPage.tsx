import { AlertIcon } from '@primer/octicons-react'
import { Button } from '@primer/react'
import { Component, type ReactNode } from 'react'
import { Blankslate } from '../ui/Blankslate'

/** Catches what a page throws, so that the way to other pages stays. */
export class PageErrors extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state = { error: null as Error | null }

  static getDerivedStateFromError(error: Error) {
    return { error }
  }

  override render() {
    return this.state.error ? <ErrorPage error={this.state.error} /> : this.props.children
  }
}

export function ErrorPage({ error }: { error: Error }) {
  return (
    <Blankslate isPage icon={AlertIcon} title="This page failed" action={<Button variant="primary" onClick={() => window.location.reload()}>Load it again</Button>}>
      Nothing that is recorded is harmed. If Cairn was just updated, loading the page again is enough; if not, tell your administrator: {error.message}
    </Blankslate>
  )
}
