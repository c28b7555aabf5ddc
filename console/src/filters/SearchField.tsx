import { SearchIcon, XCircleFillIcon } from '@primer/octicons-react'
import { TextInput } from '@primer/react'
import { useRef, useState } from 'react'

const searchAfterMs = 500

/** What is typed counts after a pause, or at once with Enter. Until then it is the field's own. */
export function SearchField({ placeholder, value, onChange }: { placeholder: string; value: string; onChange: (value: string) => void }) {
  const [draft, setDraft] = useState<string | null>(null)
  const pause = useRef<ReturnType<typeof setTimeout>>(undefined)
  const text = draft ?? value

  function commit(typed: string) {
    clearTimeout(pause.current)
    setDraft(null)
    if (typed.trim() !== value) onChange(typed.trim())
  }

  function type(typed: string) {
    setDraft(typed)
    clearTimeout(pause.current)
    pause.current = setTimeout(() => commit(typed), searchAfterMs)
  }

  return (
    <TextInput
      type="text"
      role="searchbox"
      block
      leadingVisual={SearchIcon}
      aria-label="Search audit logs"
      placeholder={placeholder}
      value={text}
      maxLength={500}
      onChange={(event) => type(event.target.value)}
      onBlur={() => draft !== null && commit(text)}
      onKeyDown={(event) => event.key === 'Enter' && commit(text)}
      trailingAction={text === '' ? undefined : <TextInput.Action icon={XCircleFillIcon} aria-label="Clear search" onClick={() => commit('')} />}
    />
  )
}
