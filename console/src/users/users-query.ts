import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import { get, patch, post, remove } from '../api/call'
import type { NewUser, User, UserChange, UserLink } from '../api/types'
import { api } from '../paths'

export const usersQuery = queryOptions({ queryKey: ['users'], queryFn: ({ signal }) => get<User[]>(api.users, undefined, signal) })

/** Every change of accounts; the list is read anew after each. */
export function useUserChanges() {
  const client = useQueryClient()
  const onSuccess = () => client.invalidateQueries(usersQuery)
  return {
    add: useMutation({ mutationFn: (user: NewUser) => post<User>(api.users, user), onSuccess }),
    change: useMutation({ mutationFn: ({ id, ...change }: UserChange & { id: string }) => patch<User>(api.user(id), change), onSuccess }),
    remove: useMutation({ mutationFn: (id: string) => remove<User>(api.user(id)), onSuccess }),
    link: useMutation({ mutationFn: (id: string) => post<UserLink>(api.userLink(id)), onSuccess }),
  }
}
