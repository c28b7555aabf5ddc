import { fireEvent, render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Timeline } from '../api/types'
import { setPreferences } from '../preferences'
import { RequestChart } from './RequestChart'

const hour = (start: string, success: number, error = 0) => ({ start, total: success + error, by_status: { success, error }, tokens: { prompt: 0, completion: 0, total: 5 } })
const timeline: Timeline = { bucket: '1h', buckets: [hour('2026-03-10T09:00:00Z', 5), hour('2026-03-10T10:00:00Z', 7, 2), hour('2026-03-10T11:00:00Z', 0), hour('2026-03-10T12:00:00Z', 1)] }
const until = Date.parse('2026-03-10T12:30:00Z')

function show() {
  const ranges: { from: string; to: string }[] = []
  render(<RequestChart timeline={timeline} until={until} onRange={(range) => ranges.push(range)} />)
  return ranges
}

beforeAll(() => setPreferences({ time: 'utc' }))

describe('the chart of requests', () => {
  it('says each bar to who moves along it, and sets its range', async () => {
    const ranges = show()
    const person = userEvent.setup()
    await person.tab()
    await person.tab()
    const bars = screen.getByRole('slider', { name: 'Time' })
    expect(document.activeElement).toBe(bars)
    await person.keyboard('{Home}{ArrowRight}')
    expect(bars.getAttribute('aria-valuetext')).toBe('2026-03-10 10:00 to 11:00: 7 success, 2 error, 0 timeout')
    await person.keyboard('{Enter}')
    expect(ranges).toEqual([{ from: '2026-03-10T10:00:00.000Z', to: '2026-03-10T10:59:59.999Z' }])
  })

  it('takes several bars with Shift, and lets go of them with Escape', async () => {
    const ranges = show()
    const person = userEvent.setup()
    await person.tab()
    await person.tab()
    await person.keyboard('{Home}{Shift>}{ArrowRight}{ArrowRight}{/Shift}')
    expect(screen.getByRole('slider').getAttribute('aria-valuetext')).toBe('2026-03-10 09:00 to 12:00: 12 success, 2 error, 0 timeout')
    await person.keyboard('{Escape}{Enter}')
    expect(ranges).toEqual([])
    await person.keyboard('{Home}{Shift>}{End}{/Shift}{Enter}')
    expect(ranges).toEqual([{ from: '2026-03-10T09:00:00.000Z', to: '' }])
  })

  it('says the same as a table, where a time is chosen by its name', async () => {
    const ranges = show()
    fireEvent.click(screen.getByRole('button', { name: 'Show table' }))
    const table = screen.getByRole('table', { name: 'Requests over time' })
    // The head, and the hours in which there were any.
    expect(table.querySelectorAll('tr')).toHaveLength(4)
    fireEvent.click(screen.getByRole('button', { name: '2026-03-10 09:00 to 10:00' }))
    expect(ranges).toEqual([{ from: '2026-03-10T09:00:00.000Z', to: '2026-03-10T09:59:59.999Z' }])
  })
})
