import { useSyncExternalStore } from 'react'

/** What a person chose for this browser. It says nothing about what is shown, only how, and so is not in the URL. */
export interface Preferences {
  theme: 'system' | 'light' | 'dark'
  time: 'local' | 'utc'
}

const key = 'cairn.preferences'
const listeners = new Set<() => void>()
let current = read()

function read(): Preferences {
  const chosen: Preferences = { theme: 'system', time: 'local' }
  try {
    const kept = JSON.parse(localStorage.getItem(key) ?? '{}') as Partial<Preferences>
    if (kept.theme === 'light' || kept.theme === 'dark') chosen.theme = kept.theme
    if (kept.time === 'utc') chosen.time = kept.time
  } catch {
    // A browser that keeps nothing, or something else under this name: the defaults do.
  }
  return chosen
}

export function setPreferences(change: Partial<Preferences>) {
  current = { ...current, ...change }
  try {
    localStorage.setItem(key, JSON.stringify(current))
  } catch {
    // It holds until the page is left.
  }
  applyTheme()
  listeners.forEach((tell) => tell())
}

/** Primer's themes hang on attributes of the document, so that what floats above the page has them too. */
export function applyTheme() {
  document.documentElement.dataset.colorMode = { system: 'auto', light: 'light', dark: 'dark' }[current.theme]
}

export const usePreferences = () =>
  useSyncExternalStore(
    (tell) => {
      listeners.add(tell)
      return () => listeners.delete(tell)
    },
    () => current,
  )

window.addEventListener('storage', (change) => {
  if (change.key !== key) return
  current = read()
  applyTheme()
  listeners.forEach((tell) => tell())
})
