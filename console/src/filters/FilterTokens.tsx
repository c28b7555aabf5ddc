import { Token } from '@primer/react'
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
        return <Token key={name} as="button" size="large" text={`${labels[name]}${excluded ? ' is not' : ':'} ${visible(value)}`} onRemove={() => onRemove(name)} onClick={() => onRemove(name)} hideRemoveButton={false} aria-label={`Remove filter ${labels[name]}`} />
      })}
    </div>
  )
}
