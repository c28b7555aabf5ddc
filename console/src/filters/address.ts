import { useSearchParams, type NavigateOptions } from 'react-router'

/** What the address asks for. A change of it is drawn at once, so that one made right after it stands on it and not on what was there before. */
export function useAddress() {
  const [parameters, set] = useSearchParams()
  const setParameters = (next: URLSearchParams, options?: NavigateOptions) => set(next, { ...options, flushSync: true })
  return [parameters, setParameters] as const
}
