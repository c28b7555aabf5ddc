import type { ConversationStatus } from '../api/types'

export const statuses: Record<ConversationStatus, { label: string; variant: 'success' | 'secondary' | 'danger' }> = {
  active: { label: 'Active', variant: 'success' },
  archived: { label: 'Archived', variant: 'secondary' },
  deleted: { label: 'Deleted', variant: 'danger' },
}
