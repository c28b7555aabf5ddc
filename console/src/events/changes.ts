/** One value that an event changed. */
export interface Change {
  field: string
  from: unknown
  to: unknown
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

function pair(value: unknown): { from: unknown; to: unknown } | null {
  if (!isObject(value)) return null
  if ('from' in value && 'to' in value) return { from: value.from, to: value.to }
  if ('old' in value && 'new' in value) return { from: value.old, to: value.new }
  return null
}

/** What changed from what to what, where metadata says so: under `changes`, or itself. */
export function changesIn(metadata: Record<string, unknown> | null): Change[] {
  if (metadata === null) return []
  const whole = pair(metadata)
  const each = isObject(metadata.changes) ? metadata.changes : {}
  return [
    ...(whole ? [{ field: typeof metadata.field === 'string' ? metadata.field : 'Value', ...whole }] : []),
    ...Object.entries(each).flatMap(([field, value]) => {
      const change = pair(value)
      return change ? [{ field, ...change }] : []
    }),
  ]
}

/** A value as a person writes it. */
export const valueText = (value: unknown) => (value === null || value === undefined || value === '' ? '(none)' : typeof value === 'string' ? value : JSON.stringify(value))
