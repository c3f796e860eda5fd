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

/** Submissions that count, to all problems, newest first. */
export const ownSubmissionsQuery = (page: number) =>
  queryOptions({
    queryKey: ['own', 'submissions', page],
    queryFn: () => dataOf(api.GET('/api/v1/submissions', { params: { query: { purpose: 'submission', page } } })),
  })

/** Maximum number of problems whose titles are read: the server's maximum per page. Others are shown by their slugs. */
const TITLES = 100

export const titlesQuery = queryOptions({
  queryKey: ['own', 'titles'],
  queryFn: async () => {
    const { problems } = await dataOf(api.GET('/api/v1/problems', { params: { query: { limit: TITLES } } }))
    return new Map(problems.map(({ slug, title }) => [slug, title]))
  },
  staleTime: 60_000,
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
