import { usePreferences } from '../preferences'
import { FilterMenu } from '../ui/FilterMenu'
import { dateTimeField, readDateTimeField } from '../ui/time'
import styles from './filters.module.css'
import { ranges, rangeStart, type LogFilter, type Range } from './log-filter'

type Times = Pick<LogFilter<string>, 'range' | 'from' | 'to' | 'tz'>

/** A range of time: one that ends now, or from one moment to another. */
export function TimeRange({ filter, onChange }: { filter: Times; onChange: (change: Times) => void }) {
  const { time } = usePreferences()
  const isChosen = filter.range === null
  const shown = isChosen ? { from: dateTimeField(filter.from, time, false), to: dateTimeField(filter.to, time, true) } : { from: '', to: '' }

  function setTime(end: 'from' | 'to', field: string) {
    const at = readDateTimeField(field, time, end === 'to')?.toISOString() ?? ''
    const next = { from: filter.from, to: filter.to, [end]: at }
    onChange(next.from || next.to ? { range: null, ...next, tz: filter.tz } : { range: 'all', from: '', to: '', tz: '' })
  }

  return (
    <div className={styles.times}>
      <FilterMenu
        label="Time range"
        options={[...Object.entries(ranges).map(([value, text]) => ({ value, text: text as string })), { value: 'times', text: 'Chosen times' }]}
        value={filter.range ?? 'times'}
        onChange={(range) => {
          if (range !== 'times') onChange({ range: range as Range, from: '', to: '', tz: '' })
          else if (filter.range !== null) onChange({ range: null, from: (rangeStart(filter.range, new Date()) ?? rangeStart('90d', new Date())!).toISOString(), to: '', tz: '' })
        }}
      />
      {isChosen &&
        (['from', 'to'] as const).map((end) => (
          <label key={end} className={styles.date}>
            <span>{end === 'from' ? 'From' : 'To'}</span>
            <input
              // What is half typed is the field's own; the address has whole moments.
              key={shown[end]}
              type="datetime-local"
              className={`${styles.input} ${styles.moment}`}
              defaultValue={shown[end]}
              onBlur={({ target }) => target.value !== shown[end] && setTime(end, target.value)}
              onKeyDown={({ key, currentTarget }) => key === 'Enter' && currentTarget.value !== shown[end] && setTime(end, currentTarget.value)}
            />
          </label>
        ))}
    </div>
  )
}
