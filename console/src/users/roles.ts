import type { User } from '../api/types'

export const roles: { value: User['role']; label: string; may: string }[] = [
  { value: 'admin', label: 'Administrator', may: 'Sees and changes everything.' },
  { value: 'viewer', label: 'Viewer', may: 'Sees events, requests and the overview; changes nothing.' },
  { value: 'user', label: 'User', may: 'May sign in, and sees no audit log.' },
]

export const roleLabel = (role: User['role']) => roles.find((one) => one.value === role)!.label
