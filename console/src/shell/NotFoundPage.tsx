import { TelescopeIcon } from '@primer/octicons-react'
import { Link } from '@primer/react'
import { Link as RouterLink } from 'react-router'
import { paths } from '../paths'
import { Blankslate } from '../ui/Blankslate'
import { useTitle } from './title'

export function NotFoundPage() {
  useTitle('Page not found')
  return (
    <Blankslate isPage icon={TelescopeIcon} title="There is no page at this address" action={<Link as={RouterLink} to={paths.start}>Go to the start page</Link>}>
      It may have been mistyped, or a link to it is old.
    </Blankslate>
  )
}
