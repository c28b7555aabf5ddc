import { useEffect } from 'react'

/** The name of the page, as the browser's tab and history show it. */
export function useTitle(title: string) {
  useEffect(() => {
    document.title = `${title} · Cairn`
  }, [title])
}
