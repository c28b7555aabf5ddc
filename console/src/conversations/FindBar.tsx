import { ChevronDownIcon, ChevronUpIcon, SearchIcon } from '@primer/octicons-react'
import { Button, IconButton, TextInput } from '@primer/react'
import { counted, grouped } from '../ui/text'
import { mostMatches } from './find'
import styles from './Transcript.module.css'

/** Looks for a text among the messages that are loaded, and says what is not. */
export function FindBar({ text, onText, found, at, onStep, loaded, total, loadAll, isLoadingAll, onLoadAll }: {
  text: string
  onText: (text: string) => void
  /** How many matches there are. */
  found: number
  /** Which of them the reader has come to, counted from 1. */
  at: number
  onStep: (by: 1 | -1) => void
  loaded: number
  total: number
  /** How many messages would be loaded at once; 0 when no more may. */
  loadAll: number
  isLoadingAll: boolean
  onLoadAll: () => void
}) {
  const isAll = loaded >= total
  return (
    <search className={styles.find} aria-label="Find in transcript">
      <TextInput
        type="text"
        role="searchbox"
        size="small"
        className={styles.findField}
        leadingVisual={SearchIcon}
        aria-label="Find in transcript"
        placeholder="Find in transcript"
        value={text}
        maxLength={200}
        onChange={(event) => onText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || found === 0) return
          event.preventDefault()
          onStep(event.shiftKey ? 1 : -1)
        }}
      />
      <IconButton size="small" icon={ChevronUpIcon} aria-label="Previous match" disabled={found === 0} onClick={() => onStep(-1)} />
      <IconButton size="small" icon={ChevronDownIcon} aria-label="Next match" disabled={found === 0} onClick={() => onStep(1)} />
      <span className={styles.found}>
        <span role="status">
          {text === '' ? '' : found === 0 ? 'No match' : `${grouped(at)} of ${found >= mostMatches ? `the last ${grouped(found)}` : grouped(found)}`}
          {text !== '' && !isAll ? ` in the newest ${counted(loaded, 'message')}; older ones are not loaded yet` : ''}
        </span>
        {!isAll && (text !== '' || isLoadingAll) && (loadAll > 0 || isLoadingAll) && (
          <Button size="small" variant="invisible" onClick={onLoadAll}>
            {isLoadingAll ? 'Stop loading' : loadAll >= total ? `Load all ${grouped(total)}` : `Load the newest ${grouped(loadAll)}`}
          </Button>
        )}
      </span>
    </search>
  )
}
