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

/** Problems per page: the server's maximum. */
const TITLES_PER_PAGE = 100
/** Maximum number of pages of problems whose titles are read. Other problems are shown by their slugs. */
const TITLE_PAGES_MAX = 20

export const titlesQuery = queryOptions({
  queryKey: ['own', 'titles'],
  queryFn: async () => {
    const titles = new Map<string, string>()
    for (let page = 1, pages = 1; page <= Math.min(pages, TITLE_PAGES_MAX); page += 1) {
      const { problems, pagination } = await dataOf(api.GET('/api/v1/problems', { params: { query: { limit: TITLES_PER_PAGE, page } } }))
      for (const { slug, title } of problems) titles.set(slug, title)
      pages = Math.ceil((pagination.total ?? 0) / TITLES_PER_PAGE)
    }
    return titles
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
