import { render, screen, within } from '@testing-library/react'
import { expect, it } from 'vitest'
import { Table } from './Table'

it('is a table to who cannot see it, whatever it is laid out as', () => {
  render(<Table label="Things" columns={[{ header: 'Name', cell: (row: { name: string }) => row.name }]} rows={[{ name: 'one' }, { name: '<b>two</b>' }]} keyOf={(row) => row.name} below={(row) => row.name === 'one' && 'more'} />)
  const table = screen.getByRole('table', { name: 'Things' })
  expect(within(table).getByRole('columnheader', { name: 'Name' })).toBeTruthy()
  expect(within(table).getAllByRole('cell').map((cell) => cell.textContent)).toEqual(['one', 'more', '<b>two</b>'])
})
