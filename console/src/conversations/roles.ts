import { GearIcon, HubotIcon, PersonIcon, ToolsIcon, type Icon } from '@primer/octicons-react'
import type { Message } from '../api/types'

export const roles: Record<Message['role'], { label: string; icon: Icon }> = {
  user: { label: 'User', icon: PersonIcon },
  assistant: { label: 'Assistant', icon: HubotIcon },
  system: { label: 'System', icon: GearIcon },
  tool: { label: 'Tool', icon: ToolsIcon },
}
