import { render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { expect, it, vi } from 'vitest'
import { Pager } from './Pager'

it('says which part of the list this is, and leads to its neighbours', async () => {
  const onPage = vi.fn()
  render(<Pager page={2} size={25} total={1042} onPage={onPage} />)
  expect(screen.getByRole('status').textContent).toBe('Showing 26–50 of 1\u00a0042')
  await userEvent.click(screen.getByRole('button', { name: 'Previous' }))
  await userEvent.click(screen.getByRole('button', { name: 'Next' }))
  expect(onPage.mock.calls).toEqual([[1], [3]])
})

it('goes no further than the list, says why, and keeps the focus', async () => {
  const onPage = vi.fn()
  render(<Pager page={1} size={25} total={3} onPage={onPage} />)
  expect(screen.getByRole('status').textContent).toBe('Showing 1–3 of 3')
  const [previous, next] = ['Previous', 'Next'].map((name) => screen.getByRole<HTMLButtonElement>('button', { name }))
  expect([previous!.ariaDisabled, next!.ariaDisabled]).toEqual(['true', 'true'])
  await userEvent.click(previous!)
  await userEvent.click(next!)
  expect(onPage).not.toHaveBeenCalled()
  expect(document.activeElement).toBe(next)
  expect([previous!.title, next!.title]).toEqual(['This is the first page', 'This is the last page'])
})
