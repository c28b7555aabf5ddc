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
export type Request = Schemas['Request']
export type RequestStatus = Request['status']
export type Stats = Schemas['Stats']
export type Timeline = Schemas['Timeline']
export type Conversation = Schemas['Conversation']
export type Conversations = Schemas['Conversations']
export type ConversationStatus = Conversation['status']
export type Message = Omit<Schemas['Message'], 'metadata'> & { metadata: Record<string, unknown> | null }
export type Transcript = Omit<Schemas['Transcript'], 'messages'> & { messages: Omit<Schemas['Transcript']['messages'], 'items'> & { items: Message[] } }
export type ConversationViews = Schemas['ConversationViews']
export type Key = Schemas['Key']
export type CreatedKey = Schemas['CreatedKey']
export type NewKey = Schemas['NewKey']
export type Scope = NewKey['scopes'][number]
export type Me = Schemas['Me']
export type SignedIn = Schemas['SignedIn']
export type Config = Schemas['Config']
export type Session = Schemas['OwnSessions'][number]
export type User = Schemas['User']
export type NewUser = Schemas['NewUser']
export type UserChange = Schemas['UserChange']
export type UserLink = Schemas['UserLink']
