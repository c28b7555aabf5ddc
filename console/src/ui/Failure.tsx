import { Banner, Button } from '@primer/react'
import { Problem } from '../api/call'
import styles from './Failure.module.css'

/** A call that failed: what happened, in the server's words, and a way to try it again. */
export function Failure({ error, onRetry }: { error: Error; onRetry?: () => void }) {
  return (
    <Banner
      variant="critical"
      title={error instanceof Problem ? error.title : 'Something failed on this page'}
      description={<span className={styles.detail}>{error.message}</span>}
      primaryAction={onRetry && <Button onClick={onRetry}>Try again</Button>}
    />
  )
}
