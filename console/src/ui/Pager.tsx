import { ChevronLeftIcon, ChevronRightIcon } from '@primer/octicons-react'
import { Button } from '@primer/react'
import { grouped } from './text'
import styles from './Pager.module.css'

/** Which part of a list this is, and the way to its neighbours. */
export function Pager({ page, size, total, onPage }: { page: number; size: number; total: number; onPage: (page: number) => void }) {
  const first = (page - 1) * size + 1
  const last = Math.min(page * size, total)
  return (
    <nav className={styles.pager} aria-label="Pages">
      <span role="status">
        Showing {grouped(first)}–{grouped(last)} of {grouped(total)}
      </span>
      <div className={styles.buttons}>
        <Button leadingVisual={ChevronLeftIcon} disabled={page === 1} title={page === 1 ? 'This is the first page' : undefined} onClick={() => onPage(page - 1)}>
          Previous
        </Button>
        <Button trailingVisual={ChevronRightIcon} disabled={last >= total} title={last >= total ? 'This is the last page' : undefined} onClick={() => onPage(page + 1)}>
          Next
        </Button>
      </div>
    </nav>
  )
}
