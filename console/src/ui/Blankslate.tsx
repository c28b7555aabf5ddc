import { Blankslate as Primer } from '@primer/react/experimental'
import type { Icon } from '@primer/octicons-react'
import type { ReactNode } from 'react'

/** What stands where there is nothing: why, and what to do. */
export function Blankslate({ icon: Visual, title, children, action, isPage = false }: { icon: Icon; title: string; /** It is all there is on the page. */ isPage?: boolean; children?: ReactNode; action?: ReactNode }) {
  return (
    <Primer>
      <Primer.Visual>
        <Visual size="medium" />
      </Primer.Visual>
      <Primer.Heading as={isPage ? 'h1' : 'h2'}>{title}</Primer.Heading>
      {children && <Primer.Description>{children}</Primer.Description>}
      {action && <div className="blankslate-action">{action}</div>}
    </Primer>
  )
}
