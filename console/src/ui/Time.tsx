import { Tooltip } from '@primer/react'
import { Link as RouterLink } from 'react-router'
import { usePreferences } from '../preferences'
import { timeText, timeTooltip } from './time'
import styles from './Time.module.css'

/** A moment. With `to` it leads somewhere; either way the tooltip is within reach of the keyboard. */
export function Time({ at, to, state }: { at: string; to?: string; state?: unknown }) {
  const { time } = usePreferences()
  const moment = new Date(at)
  const text = timeText(moment, time)
  return (
    <Tooltip text={timeTooltip(moment, new Date())} direction="ne" type="description">
      {to ? (
        <RouterLink to={to} state={state} className={styles.time}>
          <time dateTime={at}>{text}</time>
        </RouterLink>
      ) : (
        <button type="button" className={styles.time}>
          <time dateTime={at}>{text}</time>
        </button>
      )}
    </Tooltip>
  )
}
