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
  /** Numbers stand at the end, one below the other. */
  align?: 'end'
  cell: (row: T) => ReactNode
}

/** Which rows of a long table are in the page; the others are a space of their height. */
export interface TablePart<T> {
  total: number
  /** A row's place in the whole table, counted from 0. */
  indexOf: (row: T) => number
  spaceBefore: (row: T) => number
  spaceAfter: number
  /** Takes each row's element when it enters the page. */
  measure: (element: Element | null) => void
}

/**
 * A dense table that becomes a list of small cards on a narrow screen. Roles are spelled out because a browser forgets those of
 * a table that is laid out otherwise.
 */
export function Table<T>({ label, columns, rows, keyOf, isBusy = false, part, below, rowProps }: {
  label: string
  columns: Column<T>[]
  rows: T[]
  keyOf: (row: T) => string
  /** Newer rows are on their way; these are shown until then. */
  isBusy?: boolean
  /** Given for a table of which only the rows in sight are in the page. Its head stays in sight, too. */
  part?: TablePart<T>
  /** What stands below a row, over its whole width. */
  below?: (row: T) => ReactNode
  rowProps?: (row: T) => ComponentProps<'tr'>
}) {
  return (
    <div className={styles.frame}>
      <table className={clsx(styles.table, isBusy && styles.busy)} role="table" aria-label={label} aria-busy={isBusy} aria-rowcount={part && part.total + 1}>
        <Head columns={columns} isSticky={part !== undefined} />
        <tbody role="rowgroup">
          {rows.map((row) => {
            const { className, ...rest } = rowProps?.(row) ?? {}
            const under = below?.(row)
            const index = part?.indexOf(row)
            const space = part?.spaceBefore(row) ?? 0
            return [
              space > 0 && <Space key={keyOf(row) + ' space'} height={space} />,
              <tr key={keyOf(row)} role="row" ref={part?.measure} data-index={index} aria-rowindex={index === undefined ? undefined : index + 2} className={clsx(styles.row, className)} {...rest}>
                {columns.map((column) => (
                  <td key={column.header} role="cell" className={clsx(styles.cell, column.align && styles.end)} data-narrow={column.narrow ?? 'whole'}>
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
          {part && part.spaceAfter > 0 && <Space height={part.spaceAfter} />}
        </tbody>
      </table>
    </div>
  )
}

const Space = ({ height }: { height: number }) => <tr role="presentation" className={styles.space} style={{ height }} />

function Head<T>({ columns, isSticky = false }: { columns: Column<T>[]; isSticky?: boolean }) {
  return (
    <>
      <colgroup>
        {columns.map((column) => (
          <col key={column.header} style={column.width ? { width: column.width } : undefined} />
        ))}
      </colgroup>
      <thead role="rowgroup" className={clsx(styles.head, isSticky && styles.sticky)}>
        <tr role="row">
          {columns.map((column) => (
            <th key={column.header} role="columnheader" scope="col" className={clsx(styles.header, column.align && styles.end)}>
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
                <td key={column.header} role="cell" className={clsx(styles.cell, column.align && styles.end)} data-narrow={column.narrow ?? 'whole'}>
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
