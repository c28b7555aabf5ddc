import { useQuery } from '@tanstack/react-query'
import { ArrowLeftIcon, GearIcon, GraphIcon, KeyIcon, LinkExternalIcon, LogIcon, PeopleIcon, type Icon } from '@primer/octicons-react'
import { NavList } from '@primer/react'
import { Link, useLocation } from 'react-router'
import type { Config } from '../api/types'
import { paths } from '../paths'
import { configQuery, useMe, type Role } from '../session/session'
import { visible } from '../ui/text'
import styles from './Sidebar.module.css'

interface Place {
  group: string
  label: string
  to: string
  icon: Icon
  roles: Role[]
}

const places: Place[] = [
  { group: 'Administration', label: 'Overview', to: paths.overview, icon: GraphIcon, roles: ['admin', 'viewer'] },
  { group: 'People', label: 'Users', to: paths.users, icon: PeopleIcon, roles: ['admin'] },
  { group: 'People', label: 'API keys', to: paths.keys, icon: KeyIcon, roles: ['admin'] },
  { group: 'Platform', label: 'Audit Logs', to: paths.events, icon: LogIcon, roles: ['admin', 'viewer'] },
  { group: 'Platform', label: 'Configuration', to: paths.configuration, icon: GearIcon, roles: ['admin'] },
]

/** Where one can go. Links that the configuration names come after Cairn's own, in groups of its choice. */
export function Sidebar({ onGo }: { onGo?: () => void }) {
  const { role } = useMe()
  const { data: config } = useQuery(configQuery)
  const { pathname } = useLocation()
  const own = places.filter((place) => place.roles.includes(role))
  const links = config?.links ?? []
  const known = (group: string) => places.find((place) => place.group.toLowerCase() === group.toLowerCase())?.group ?? group
  const groups = [...new Set([...own.map((place) => place.group), ...links.map((link) => known(link.group))])]
  const isHere = (to: string) => (to === paths.overview ? pathname === to : pathname === to || pathname.startsWith(to + '/'))

  return (
    <div className={styles.sidebar}>
      {config?.backLink && <BackLink link={config.backLink} />}
      <NavList aria-label="Administration">
        {groups.map((group) => (
          <NavList.Group key={group}>
            <NavList.GroupHeading as="h2" className={styles.group}>{visible(group)}</NavList.GroupHeading>
            {own.filter((place) => place.group === group).map(({ label, to, icon: Visual }) => (
              <NavList.Item key={to} as={Link} to={to} aria-current={isHere(to) ? 'page' : undefined} onClick={onGo}>
                <NavList.LeadingVisual><Visual /></NavList.LeadingVisual>
                {label}
              </NavList.Item>
            ))}
            {links.filter((link) => known(link.group) === group).map(({ label, url }) => (
              <NavList.Item key={label + url} href={url}>
                <NavList.LeadingVisual><LinkExternalIcon /></NavList.LeadingVisual>
                {visible(label)}
              </NavList.Item>
            ))}
          </NavList.Group>
        ))}
      </NavList>
    </div>
  )
}

function BackLink({ link }: { link: NonNullable<Config['backLink']> }) {
  return (
    <nav aria-label="Application">
      <a className={styles.back} href={link.url}>
        <ArrowLeftIcon /> {visible(link.label)}
      </a>
    </nav>
  )
}
