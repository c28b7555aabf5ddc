import type { Outcome } from '../api/types'

export const outcomes: Record<Outcome, { label: string; variant: 'success' | 'danger' | 'attention' }> = {
  success: { label: 'Success', variant: 'success' },
  failure: { label: 'Failure', variant: 'danger' },
  denied: { label: 'Denied', variant: 'attention' },
}
