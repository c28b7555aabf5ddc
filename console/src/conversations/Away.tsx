import { useQuery } from '@tanstack/react-query'
import { Banner, Button } from '@primer/react'
import { Problem } from '../api/call'
import { Failure } from '../ui/Failure'
import { visible } from '../ui/text'
import { sourceProblemQuery } from './conversations-query'
import styles from './Away.module.css'

/** A call for conversations that failed. What keeps their database from being read is known to the health of this Cairn, and said. */
export function Away({ error, onRetry }: { error: Error; onRetry?: () => void }) {
  const isAway = error instanceof Problem && error.status === 503
  const { data: problem } = useQuery({ ...sourceProblemQuery, enabled: isAway })
  if (!isAway || !problem) return <Failure error={error} onRetry={onRetry} />
  return (
    <Banner
      variant="critical"
      title="The database of conversations cannot be read now"
      description={<span className={styles.detail}>Nothing in it is harmed, and what is recorded stays. The reason: {visible(problem)}</span>}
      primaryAction={onRetry && <Button onClick={onRetry}>Try again</Button>}
    />
  )
}
