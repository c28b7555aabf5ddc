import { XIcon } from '@primer/octicons-react'
import { Button } from '@primer/react'
import { visible } from '../ui/text'
import styles from './filters.module.css'
import { meaning } from './log-filter'

/** Filters without a menu of their own, which came from a click on a value. */
export function FilterTokens<Name extends string>({ labels, exact, onRemove }: { labels: Partial<Record<Name, string>>; exact: Partial<Record<Name, string>>; onRemove: (name: Name) => void }) {
  const given = (Object.keys(labels) as Name[]).filter((name) => exact[name] !== undefined)
  if (given.length === 0) return null
  return (
    <div className={styles.tokens}>
      {given.map((name) => {
        const { excluded, value } = meaning(exact[name]!)
        return (
          <Button key={name} size="small" trailingVisual={XIcon} aria-label={`Remove filter ${labels[name]} ${visible(value)}`} onClick={() => onRemove(name)}>
            <span className={styles.token}>{`${labels[name]}${excluded ? ' is not' : ':'} ${visible(value)}`}</span>
          </Button>
        )
      })}
    </div>
  )
}
