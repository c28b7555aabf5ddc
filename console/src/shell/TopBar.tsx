import { useQuery } from '@tanstack/react-query'
import { ThreeBarsIcon } from '@primer/octicons-react'
import { IconButton } from '@primer/react'
import { Link } from 'react-router'
import { paths } from '../paths'
import { configQuery } from '../session/session'
import { AvatarMenu } from './AvatarMenu'
import { Mark } from './Mark'
import styles from './TopBar.module.css'

export function TopBar({ onMenu }: { onMenu?: () => void }) {
  const { data: config } = useQuery(configQuery)
  return (
    <header className={styles.bar}>
      {onMenu && <IconButton className={styles.menu} icon={ThreeBarsIcon} aria-label="Open navigation" variant="invisible" onClick={onMenu} />}
      <Link to={paths.start} className={styles.product}>
        <Mark size={24} />
        <span>{config?.productName ?? 'Cairn'}</span>
      </Link>
      <div className={styles.end}>
        <AvatarMenu />
      </div>
    </header>
  )
}
