import type { RequestStatus } from '../api/types'

export const statuses: Record<RequestStatus, { label: string; variant: 'success' | 'danger' | 'attention' }> = {
  success: { label: 'Success', variant: 'success' },
  error: { label: 'Error', variant: 'danger' },
  timeout: { label: 'Timeout', variant: 'attention' },
}

/** In the order in which they stand on one another. */
export const statusNames = Object.keys(statuses) as RequestStatus[]
