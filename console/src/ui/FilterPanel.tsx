import { TriangleDownIcon } from '@primer/octicons-react'
import { Button, SelectPanel } from '@primer/react'
import { useState } from 'react'

export interface Choice {
  value: string
  text: string
  description?: string
}

/** One of many: a button that says what is chosen, and a list that can be searched. */
export function FilterPanel({ label, all, choices, chosen, hint, least = 0, isLoading = false, error, onSearch, onOpen, onChange }: {
  label: string
  all: string
  /** What to know before searching. */
  hint?: string
  /** Characters from which on it searches elsewhere. */
  least?: number
  choices: Choice[]
  /** What is chosen now, which need not be among the choices found. */
  chosen?: Choice
  isLoading?: boolean
  /** Why there are no choices. */
  error?: Error | null
  /** Asks elsewhere for what matches; without it the choices are searched here. */
  onSearch?: (text: string) => void
  onOpen?: () => void
  onChange: (value: string) => void
}) {
  const [isOpen, setOpen] = useState(false)
  const [search, setSearch] = useState('')
  const wanted = search.toLowerCase()
  const found = onSearch || wanted === '' ? choices : choices.filter((choice) => `${choice.text}\n${choice.description ?? ''}`.toLowerCase().includes(wanted))
  const items = [...(wanted === '' ? [{ value: '', text: all }] : []), ...found].map(({ value, text, description }: Choice) => ({
    id: 'value ' + value,
    // Both in the label: what is seen and what is read aloud are the same.
    children: (
      <>
        {text} {description && <span className="filter-description">{description}</span>}
      </>
    ),
  }))

  const message = error
    ? { variant: 'error' as const, title: 'The search failed', body: error.message }
    : found.length > 0 || isLoading || (wanted === '' && least > 0)
      ? undefined
      : { variant: 'empty' as const, ...(wanted.length < least ? { title: 'Type on', body: `The search begins at ${least} characters.` } : { title: 'Nothing found', body: 'No entry matches this search.' }) }

  function setText(text: string) {
    setSearch(text)
    onSearch?.(text)
  }

  return (
    <SelectPanel
      title={label}
      subtitle={hint}
      placeholder={all}
      placeholderText="Search"
      inputLabel={label}
      open={isOpen}
      onOpenChange={(open) => {
        setOpen(open)
        if (open) onOpen?.()
        else setText('')
      }}
      renderAnchor={({ children: _, ...anchor }) => (
        <Button {...anchor} trailingAction={TriangleDownIcon} aria-label={`${label}: ${chosen?.text ?? all}`}>
          <span className="filter-chosen">{chosen?.text ?? all}</span>
        </Button>
      )}
      items={items}
      loading={isLoading}
      filterValue={search}
      onFilterChange={setText}
      selected={items.find((item) => item.id === 'value ' + (chosen?.value ?? ''))}
      onSelectedChange={(item: { id?: number | string } | undefined) => {
        onChange(item === undefined ? '' : String(item.id).slice('value '.length))
        setOpen(false)
        setText('')
      }}
      message={message}
      overlayProps={{ width: 'medium', maxHeight: 'medium' }}
    />
  )
}
