import { GearIcon, PersonIcon, SignOutIcon } from '@primer/octicons-react'
import { ActionList, ActionMenu } from '@primer/react'
import { Link } from 'react-router'
import { paths } from '../paths'
import { setPreferences, usePreferences } from '../preferences'
import { mayRead, useMe, useSignOut } from '../session/session'
import { Identicon } from '../ui/Identicon'
import { visible } from '../ui/text'
import styles from './AvatarMenu.module.css'

export function AvatarMenu() {
  const me = useMe()
  const { theme, time } = usePreferences()
  const signOut = useSignOut()
  return (
    <ActionMenu>
      <ActionMenu.Anchor>
        <button type="button" className={styles.anchor} aria-label={`Menu of ${me.name ?? me.email}`}>
          <Identicon of={me.id} size={32} />
        </button>
      </ActionMenu.Anchor>
      <ActionMenu.Overlay width="small" align="end">
        <div className={styles.who}>
          <strong>{visible(me.name ?? me.email)}</strong>
          {me.name && <span className={styles.email}>{visible(me.email)}</span>}
        </div>
        <ActionList>
          <ActionList.LinkItem as={Link} to={paths.account}>
            <ActionList.LeadingVisual><PersonIcon /></ActionList.LeadingVisual>
            Your account
          </ActionList.LinkItem>
          {mayRead(me.role) && (
            <ActionList.LinkItem as={Link} to={paths.overview}>
              <ActionList.LeadingVisual><GearIcon /></ActionList.LeadingVisual>
              Administration
            </ActionList.LinkItem>
          )}
          <ActionList.Divider />
          <ActionList.Group selectionVariant="single">
            <ActionList.GroupHeading>Theme</ActionList.GroupHeading>
            {(['system', 'light', 'dark'] as const).map((one) => (
              <ActionList.Item key={one} role="menuitemradio" selected={theme === one} onSelect={() => setPreferences({ theme: one })}>
                {{ system: 'System', light: 'Light', dark: 'Dark' }[one]}
              </ActionList.Item>
            ))}
          </ActionList.Group>
          <ActionList.Group selectionVariant="single">
            <ActionList.GroupHeading>Time</ActionList.GroupHeading>
            {(['local', 'utc'] as const).map((one) => (
              <ActionList.Item key={one} role="menuitemradio" selected={time === one} onSelect={() => setPreferences({ time: one })}>
                {{ local: 'Local time', utc: 'UTC' }[one]}
              </ActionList.Item>
            ))}
          </ActionList.Group>
          <ActionList.Divider />
          <ActionList.Item onSelect={() => signOut.mutate()}>
            <ActionList.LeadingVisual><SignOutIcon /></ActionList.LeadingVisual>
            Sign out
          </ActionList.Item>
        </ActionList>
      </ActionMenu.Overlay>
    </ActionMenu>
  )
}
