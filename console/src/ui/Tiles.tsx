import type { ReactNode } from 'react'
import styles from './Tiles.module.css'

/** A few numbers that say how it is. */
export const Tiles = ({ children }: { children: ReactNode }) => <dl className={styles.tiles}>{children}</dl>

export const Tile = ({ label, value, note }: { label: string; value: ReactNode; note?: ReactNode }) => (
  <div className={styles.tile}>
    <dt>{label}</dt>
    <dd className={styles.value}>{value}</dd>
    {note && <dd className={styles.note}>{note}</dd>}
  </div>
)
