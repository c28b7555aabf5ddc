import { useMutation } from '@tanstack/react-query'
import { DownloadIcon } from '@primer/octicons-react'
import { ActionList, ActionMenu, Button, ConfirmationDialog } from '@primer/react'
import { useState } from 'react'
import { open, withQuery, type Query } from '../api/call'
import { saveFile } from './save-file'
import { grouped } from './text'

type Format = 'csv' | 'jsonl'

function useExport(path: string, query: () => Query, onFailed: (error: Error | null) => void) {
  return useMutation({
    mutationFn: async (format: Format) => saveFile(await open(withQuery(path, { ...query(), format }))),
    onMutate: () => onFailed(null),
    onError: onFailed,
  })
}

/** Saves what the filters show as a file. An export that stops before the end says so before it begins. */
export function ExportButton({ path, query, total, most, noun, onFailed }: {
  path: string
  query: () => Query
  /** How many match; undefined while that is not known. */
  total: number | undefined
  /** Rows at which the server stops; 0 for no limit. */
  most: number
  noun: string
  onFailed: (error: Error | null) => void
}) {
  const [asked, setAsked] = useState<Format | null>(null)
  const save = useExport(path, query, onFailed)
  const isCapped = total !== undefined && most > 0 && total > most

  return (
    <>
      <ActionMenu>
        <ActionMenu.Button leadingVisual={DownloadIcon} loading={save.isPending} disabled={total === 0} title={total === 0 ? 'There is nothing to export' : undefined}>
          Export
        </ActionMenu.Button>
        <ActionMenu.Overlay width="small" align="end">
          <ActionList>
            {(['csv', 'jsonl'] as const).map((format) => (
              <ActionList.Item key={format} onSelect={() => (isCapped ? setAsked(format) : save.mutate(format))}>
                {format.toUpperCase()}
                <ActionList.Description>{format === 'csv' ? 'for a spreadsheet' : 'every field, one object a line'}</ActionList.Description>
              </ActionList.Item>
            ))}
          </ActionList>
        </ActionMenu.Overlay>
      </ActionMenu>
      {asked && (
        <ConfirmationDialog
          title={`Export the newest ${grouped(most)} of ${grouped(total!)} ${noun}?`}
          confirmButtonContent={`Export ${grouped(most)} ${noun}`}
          confirmButtonType="primary"
          width="large"
          onClose={(gesture) => {
            setAsked(null)
            if (gesture === 'confirm') save.mutate(asked)
          }}
        >
          One export holds at most {grouped(most)} {noun}; the {grouped(total! - most)} oldest that match are left out. Narrow the time range to export them in parts.
        </ConfirmationDialog>
      )}
    </>
  )
}

/** The same for a log whose exports have no end: a button for each format. */
export function ExportButtons({ path, query, isEmpty, onFailed }: { path: string; query: () => Query; isEmpty: boolean; onFailed: (error: Error | null) => void }) {
  const save = useExport(path, query, onFailed)
  return (['jsonl', 'csv'] as const).map((format) => (
    <Button
      key={format}
      leadingVisual={DownloadIcon}
      loading={save.isPending && save.variables === format}
      disabled={isEmpty}
      title={isEmpty ? 'There is nothing to export' : undefined}
      onClick={() => save.mutate(format)}
    >
      <span className="visually-hidden">Export </span>
      {format.toUpperCase()}
    </Button>
  ))
}
