// Queries of the account page.
import { queryOptions } from '@tanstack/react-query'
import { api, dataOf } from './client'

/** Interval at which the limits are read again while the page shows them. The rates change every second. */
const USAGE_POLL_MS = 5_000

export const meQuery = queryOptions({ queryKey: ['own', 'me'], queryFn: () => dataOf(api.GET('/api/v1/auth/me')) })

export const sessionsQuery = queryOptions({
  queryKey: ['own', 'sessions'],
  queryFn: async () => (await dataOf(api.GET('/api/v1/auth/sessions'))).sessions,
})

export const keysQuery = queryOptions({
  queryKey: ['own', 'keys'],
  queryFn: async () => (await dataOf(api.GET('/api/v1/auth/keys'))).keys,
})

export const ownProgramsQuery = (page: number) =>
  queryOptions({
    queryKey: ['own', 'programs', page],
    queryFn: () => dataOf(api.GET('/api/v1/snippets', { params: { query: { page } } })),
  })

export const progressQuery = queryOptions({
  queryKey: ['own', 'progress'],
  queryFn: async () => {
    const [progress, activity] = await Promise.all([dataOf(api.GET('/api/v1/users/me/progress')), dataOf(api.GET('/api/v1/users/me/activity'))])
    return { progress, activity }
  },
})

export const usageQuery = queryOptions({
  queryKey: ['own', 'usage'],
  queryFn: () => dataOf(api.GET('/api/v1/users/me/usage')),
  refetchInterval: USAGE_POLL_MS,
})
