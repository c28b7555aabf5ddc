import { CheckIcon, CopyIcon, type Icon } from '@primer/octicons-react'
import { Button, IconButton } from '@primer/react'
import { useState } from 'react'

/** Puts a text on the clipboard and says so. */
export function CopyButton({ text, label, iconOnly = false, icon: ready = CopyIcon }: { text: string; label: string; iconOnly?: boolean; icon?: Icon }) {
  const [state, setState] = useState<'ready' | 'copied' | 'refused'>('ready')
  async function copy() {
    const worked = await write(text)
    setState(worked ? 'copied' : 'refused')
    setTimeout(() => setState('ready'), 2_000)
  }
  const icon = state === 'copied' ? CheckIcon : ready
  const said = { ready: label, copied: 'Copied', refused: 'Select and copy by hand' }[state]
  return (
    <>
      {iconOnly ? <IconButton icon={icon} aria-label={said} size="small" variant="invisible" onClick={copy} /> : <Button size="small" leadingVisual={icon} onClick={copy}>{said}</Button>}
      <span className="visually-hidden" role="status">{state === 'ready' ? '' : said}</span>
    </>
  )
}

/** The clipboard is only there on https and localhost; the old way does elsewhere. */
async function write(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const field = document.createElement('textarea')
    field.value = text
    field.className = 'visually-hidden'
    const before = document.activeElement
    document.body.append(field)
    field.select()
    const worked = document.execCommand('copy')
    field.remove()
    if (before instanceof HTMLElement) before.focus()
    return worked
  }
}
