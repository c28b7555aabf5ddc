import type { ReactNode } from 'react'
import { Mark } from '../shell/Mark'
import styles from './SignInFrame.module.css'

/** The frame of the pages that come before being signed in. */
export function SignInFrame({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className={styles.page}>
      <Mark size={48} />
      <h1 className={styles.title}>{title}</h1>
      <div className={styles.box}>{children}</div>
    </main>
  )
}
