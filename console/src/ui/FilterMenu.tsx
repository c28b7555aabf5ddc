import { ActionList, ActionMenu } from '@primer/react'

/** One of a few: a button that says what is chosen, and a menu. */
export function FilterMenu({ label, all, options, value, onChange }: {
  label: string
  /** What it says while nothing is chosen; undefined when something always is. */
  all?: string
  options: { value: string; text: string }[]
  value: string
  onChange: (value: string) => void
}) {
  const items = all === undefined ? options : [{ value: '', text: all }, ...options]
  const chosen = items.find((item) => item.value === value)?.text ?? value
  return (
    <ActionMenu>
      <ActionMenu.Button aria-label={`${label}: ${chosen}`}>{chosen}</ActionMenu.Button>
      <ActionMenu.Overlay width="auto" className="filter-menu">
        <ActionList selectionVariant="single">
          {items.map((item) => (
            <ActionList.Item key={item.value} selected={item.value === value} onSelect={() => onChange(item.value)}>
              {item.text}
            </ActionList.Item>
          ))}
        </ActionList>
      </ActionMenu.Overlay>
    </ActionMenu>
  )
}
