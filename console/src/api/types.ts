import type { components } from './schema.gen'

type Schemas = components['schemas']

export type AuditEvent = Omit<Schemas['Event'], 'metadata'> & { metadata: Record<string, unknown> | null }
export type Outcome = AuditEvent['outcome']
export type Events = Omit<Schemas['Events'], 'items'> & { items: AuditEvent[] }
export type Actor = Schemas['Actors'][number]
export type Catalog = Schemas['Catalog']
export type Health = Schemas['Health']
export type Retention = Schemas['Retention']
export type RetentionRun = Schemas['RetentionRun']
export type Stats = Schemas['Stats']
export type Timeline = Schemas['Timeline']
export type Key = Schemas['Key']
export type CreatedKey = Schemas['CreatedKey']
export type NewKey = Schemas['NewKey']
export type Scope = NewKey['scopes'][number]

export type Me = { id: string; email: string; name: string | null; role: 'user' | 'viewer' | 'admin'; hasPassword: boolean; session: { id: string; createdAt: string; expiresAt: string } }
export type SignedIn = { user: Omit<Me, 'session'>; redirect: string }
export type Config = {
  productName: string
  backLink: { label: string; url: string } | null
  links: { group: string; label: string; url: string }[]
  signIn: { password: boolean; provider: { name: string; url: string } | null }
  needsAdministrator: boolean
  auditLogsEnabled?: boolean
}
export type Session = { id: string; createdAt: string; lastUsedAt: string; expiresAt: string; ip: string | null; userAgent: string | null; current: boolean }
export type User = {
  id: string
  email: string
  name: string | null
  role: Me['role']
  hasPassword: boolean
  provider: boolean
  createdAt: string
  lastSignInAt: string | null
  disabledAt: string | null
}
export type UserLink = { url: string; expiresAt: string }
