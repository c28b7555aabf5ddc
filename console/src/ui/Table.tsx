import { clsx } from 'clsx'
import type { ComponentProps, ReactNode } from 'react'
import styles from './Table.module.css'

export interface Column<T> {
  header: string
  /** Read aloud, not shown. */
  isHeaderHidden?: boolean
  /** How wide, as CSS says it; what is left over goes to columns without. */
  width?: string
  /** Where it goes when rows become two lines on a narrow screen. */
  narrow?: 'first' | 'end' | 'left' | 'right' | 'whole' | 'hidden'
  cell: (row: T) => ReactNode
}

/**
 * A dense table that becomes a list of small cards on a narrow screen. Roles are spelled out because a browser forgets those of
 * a table that is laid out otherwise.
 */
export function Table<T>({ label, columns, rows, keyOf, isBusy = false, below, rowProps }: {
  label: string
  columns: Column<T>[]
  rows: T[]
  keyOf: (row: T) => string
  /** Newer rows are on their way; these are shown until then. */
  isBusy?: boolean
  /** What stands below a row, over its whole width. */
  below?: (row: T) => ReactNode
  rowProps?: (row: T) => ComponentProps<'tr'>
}) {
  return (
    <div className={styles.frame}>
      <table className={clsx(styles.table, isBusy && styles.busy)} role="table" aria-label={label} aria-busy={isBusy}>
        <Head columns={columns} />
        <tbody role="rowgroup">
          {rows.map((row) => {
            const { className, ...rest } = rowProps?.(row) ?? {}
            const under = below?.(row)
            return [
              <tr key={keyOf(row)} role="row" className={clsx(styles.row, className)} {...rest}>
                {columns.map((column) => (
                  <td key={column.header} role="cell" className={styles.cell} data-narrow={column.narrow ?? 'whole'}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>,
              under && (
                <tr key={keyOf(row) + ' below'} role="row" className={styles.belowRow}>
                  <td role="cell" colSpan={columns.length} className={styles.below}>
                    {under}
                  </td>
                </tr>
              ),
            ]
          })}
        </tbody>
      </table>
    </div>
  )
}

function Head<T>({ columns }: { columns: Column<T>[] }) {
  return (
    <>
      <colgroup>
        {columns.map((column) => (
          <col key={column.header} style={column.width ? { width: column.width } : undefined} />
        ))}
      </colgroup>
      <thead role="rowgroup" className={styles.head}>
        <tr role="row">
          {columns.map((column) => (
            <th key={column.header} role="columnheader" scope="col" className={styles.header}>
              {column.isHeaderHidden ? <span className="visually-hidden">{column.header}</span> : column.header}
            </th>
          ))}
        </tr>
      </thead>
    </>
  )
}

/** The table while its first rows are on their way. */
export function TableSkeleton<T>({ label, columns, rows, cell }: { label: string; columns: Column<T>[]; rows: number; cell: (column: number, row: number) => ReactNode }) {
  return (
    <div className={styles.frame}>
      <span className="visually-hidden" role="status">Loading</span>
      <table className={styles.table} role="table" aria-label={label} aria-busy="true">
        <Head columns={columns} />
        <tbody role="rowgroup" data-skeleton>
          {Array.from({ length: rows }, (_, row) => (
            <tr key={row} role="row" className={styles.row}>
              {columns.map((column, index) => (
                <td key={column.header} role="cell" className={styles.cell} data-narrow={column.narrow ?? 'whole'}>
                  {cell(index, row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
