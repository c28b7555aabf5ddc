import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query'
import { meQuery } from '../session/session'
import { Problem } from './call'

/** A call that finds no session any more makes every page behind sign-in lead to it. */
function onError(error: Error) {
  if (error instanceof Problem && error.status === 401) queryClient.setQueryData(meQuery.queryKey, null)
}

export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({ onError: (error, _variables, _context, mutation) => (mutation.meta?.signsIn ? undefined : onError(error)) }),
  defaultOptions: {
    queries: {
      // What Cairn refused it will refuse again; what did not reach it is tried once more.
      retry: (failures, error) => failures < 1 && !(error instanceof Problem && error.status >= 400 && error.status < 500),
      retryDelay: 1_000,
      staleTime: 10_000,
    },
  },
})
