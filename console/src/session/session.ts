import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { get, post, Problem } from '../api/call'
import { api } from '../paths'
import type { Config, Me, SignedIn } from '../api/types'

export type Role = Me['role']

/** Who is signed in; null when no one is. */
export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: async ({ signal }): Promise<Me | null> => {
    try {
      return await get<Me>(api.me, undefined, signal)
    } catch (problem) {
      if (problem instanceof Problem && problem.status === 401) return null
      throw problem
    }
  },
  staleTime: 60_000,
  refetchOnWindowFocus: 'always',
})

export const configQuery = queryOptions({
  queryKey: ['config'],
  queryFn: ({ signal }) => get<Config>(api.config, undefined, signal),
  staleTime: 300_000,
})

/** The person that a page behind sign-in is shown to. */
export function useMe(): Me {
  const { data } = useQuery(meQuery)
  if (!data) throw new Error('This page stands outside of RequireRole.')
  return data
}

export function useSignIn(path: string) {
  const client = useQueryClient()
  return useMutation({
    meta: { signsIn: true },
    mutationFn: (body: Record<string, string | undefined>) => post<SignedIn>(path, body),
    onSuccess: async () => {
      // What another person saw is no longer true.
      client.removeQueries({ predicate: (query) => query.queryKey[0] !== 'me' && query.queryKey[0] !== 'config' })
      await Promise.all([client.fetchQuery({ ...meQuery, staleTime: 0 }), client.invalidateQueries(configQuery)])
    },
  })
}

export function useSignOut() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: () => post(api.logout),
    onSuccess: () => {
      client.setQueryData(meQuery.queryKey, null)
      client.removeQueries({ predicate: (query) => query.queryKey[0] !== 'me' && query.queryKey[0] !== 'config' })
    },
  })
}

/** May see events, requests and the overview. */
export const mayRead = (role: Role) => role === 'admin' || role === 'viewer'
