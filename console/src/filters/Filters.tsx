import { XCircleFillIcon } from '@primer/octicons-react'
import { Button } from '@primer/react'
import type { ReactNode } from 'react'
import styles from './filters.module.css'
import { SearchField } from './SearchField'

interface Props {
  placeholder: string
  search: string
  onSearch: (search: string) => void
  /** Takes every filter back; absent while none is set. */
  onReset: (() => void) | undefined
  /** One beside the other. */
  children: ReactNode
  /** Below them. */
  tokens?: ReactNode
}

/** What every list is narrowed with: a search, filters, and the way back to all. */
export function Filters({ placeholder, search, onSearch, onReset, children, tokens }: Props) {
  return (
    <search className={styles.filters} aria-label="Filters">
      <div className={styles.first}>
        <SearchField placeholder={placeholder} value={search} onChange={onSearch} />
        {onReset && (
          <Button variant="invisible" leadingVisual={XCircleFillIcon} className={styles.reset} onClick={onReset}>
            Reset filters
          </Button>
        )}
      </div>
      <div className={styles.row}>{children}</div>
      {tokens}
    </search>
  )
}
