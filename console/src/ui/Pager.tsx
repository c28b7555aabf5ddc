import { ChevronLeftIcon, ChevronRightIcon } from '@primer/octicons-react'
import { Button } from '@primer/react'
import { grouped } from './text'
import styles from './Pager.module.css'

/** Which part of a list this is, and the way to its neighbours. */
export function Pager({ page, size, total, onPage }: { page: number; size: number; total: number; onPage: (page: number) => void }) {
  const first = (page - 1) * size + 1
  const last = Math.min(page * size, total)
  const [isFirst, isLast] = [page === 1, last >= total]
  return (
    <nav className={styles.pager} aria-label="Pages">
      <span role="status">
        Showing {grouped(first)}–{grouped(last)} of {grouped(total)}
      </span>
      <div className={styles.buttons}>
        {/* Whoever comes to an end by the keyboard keeps the focus, which a disabled button loses. */}
        <Button leadingVisual={ChevronLeftIcon} aria-disabled={isFirst} title={isFirst ? 'This is the first page' : undefined} onClick={() => isFirst || onPage(page - 1)}>
          Previous
        </Button>
        <Button trailingVisual={ChevronRightIcon} aria-disabled={isLast} title={isLast ? 'This is the last page' : undefined} onClick={() => isLast || onPage(page + 1)}>
          Next
        </Button>
      </div>
    </nav>
  )
}
