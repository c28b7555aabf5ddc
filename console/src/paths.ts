import { literal } from './filters/log-filter'

const allWith = (page: string, name: string, value: string) => `${page}?${new URLSearchParams([[name, literal(value)], ['range', 'all']])}`

/** Every address of the console and of the API that it calls. */
export const paths = {
  start: '/',
  signIn: '/login',
  signInLink: '/login/link',
  dashboard: '/dashboard',
  account: '/account',
  overview: '/admin',
  users: '/admin/users',
  user: (id: string) => `/admin/users/${encodeURIComponent(id)}`,
  keys: '/admin/keys',
  configuration: '/admin/configuration',
  events: '/admin/audit-logs',
  event: (id: string) => `/admin/audit-logs/events/${encodeURIComponent(id)}`,
  /** All events that have this value, whenever they were. */
  eventsWith: (name: 'requestId' | 'traceId' | 'conversationId', value: string) => allWith('/admin/audit-logs', name, value),
  requests: '/admin/audit-logs/requests',
  requestsWith: (name: 'trace_id' | 'conversation_id', value: string) => allWith('/admin/audit-logs/requests', name, value),
  request: (id: string) => `/admin/audit-logs/requests?request=${encodeURIComponent(id)}`,
}

export const api = {
  config: '/api/config',
  me: '/api/auth/me',
  login: '/api/auth/login',
  link: '/api/auth/link',
  logout: '/api/auth/logout',
  password: '/api/auth/password',
  mySessions: '/api/auth/sessions',
  mySession: (id: string) => `/api/auth/sessions/${encodeURIComponent(id)}`,
  events: '/api/v1/admin/audit-logs',
  event: (id: string) => `/api/v1/admin/audit-logs/${encodeURIComponent(id)}`,
  eventsExport: '/api/v1/admin/audit-logs/export',
  eventsLive: '/api/v1/admin/ws/audit-logs',
  actors: '/api/v1/admin/audit-logs/actors',
  catalog: '/api/v1/admin/audit-logs/catalog',
  requests: '/api/system/audit-logs',
  requestsExport: '/api/system/audit-logs/export',
  requestsLive: '/api/system/ws/audit-logs',
  requestStats: '/api/system/audit-logs/stats',
  requestTimeline: '/api/system/audit-logs/timeline',
  health: '/api/v1/admin/health',
  retention: '/api/v1/admin/retention',
  retentionRun: '/api/v1/admin/retention/run',
  users: '/api/v1/admin/users',
  user: (id: string) => `/api/v1/admin/users/${encodeURIComponent(id)}`,
  userLink: (id: string) => `/api/v1/admin/users/${encodeURIComponent(id)}/link`,
  keys: '/api/v1/admin/keys',
  key: (id: string) => `/api/v1/admin/keys/${encodeURIComponent(id)}`,
}
