import { Breadcrumbs } from '@primer/react'
import type { ReactNode } from 'react'
import { Link } from 'react-router'
import { paths } from '../paths'
import { useTitle } from './title'
import styles from './PageHeading.module.css'

/** Where this page is, what it is called, and what can be done on it. */
export function PageHeading({ title, trail = [], lead, actions }: { title: string; trail?: { label: string; to: string }[]; lead?: ReactNode; actions?: ReactNode }) {
  useTitle(title)
  return (
    <div className={styles.heading}>
      <Breadcrumbs className={styles.trail}>
        {[{ label: 'Admin', to: paths.overview }, ...trail].map(({ label, to }) => (
          <Breadcrumbs.Item key={to} as={Link} to={to}>{label}</Breadcrumbs.Item>
        ))}
        <Breadcrumbs.Item as="span" selected aria-current="page">{title}</Breadcrumbs.Item>
      </Breadcrumbs>
      <div className={styles.row}>
        <h1 className={styles.title}>{title}</h1>
        {actions && <div className={styles.actions}>{actions}</div>}
      </div>
      {lead && <p className={styles.lead}>{lead}</p>}
    </div>
  )
}
