// Queries of contests, which the page of a problem also uses.
import { queryOptions } from '@tanstack/react-query'
import { api, dataOf, type Schema } from './client'

/** Maximum number of running and upcoming contests in the list. */
const CURRENT_SHOWN = 100
const PAST_SHOWN = 20

type Phase = 'running' | 'upcoming' | 'over'

/** `user`: each contest has the participation of this user. */
export const contestsQuery = (phase: Phase, page = 1, user?: string) =>
  queryOptions({
    queryKey: ['contests', phase, page, user],
    queryFn: () =>
      dataOf(api.GET('/api/v1/contests', { params: { query: { phase, page, limit: phase === 'over' ? PAST_SHOWN : CURRENT_SHOWN, ...(user !== undefined && { participation: true }) } } })),
    placeholderData: (before) => before,
  })

/** Contests of the list with the user's participation in each. Of the past ones, only the latest. */
export const ownContestsQuery = (phase: 'running' | 'over', user: string) =>
  queryOptions({
    queryKey: ['contests', phase, 'own', user],
    queryFn: async () => (await dataOf(api.GET('/api/v1/contests', { params: { query: { phase, participation: true, limit: phase === 'over' ? PAST_SHOWN : CURRENT_SHOWN } } }))).contests,
  })

/** Contests per page: the server's maximum. */
const SEARCHED_PER_PAGE = 100
/** Maximum number of pages of past contests that are searched. Older contests are in the list. */
const SEARCHED_PAGES_MAX = 10

/** The past contests, in which the command palette searches: the API has no search of contests. */
export const pastContestsQuery = queryOptions({
  queryKey: ['contests', 'over', 'all'],
  queryFn: async () => {
    const contests: Schema['ListedContest'][] = []
    for (let page = 1, pages = 1; page <= Math.min(pages, SEARCHED_PAGES_MAX); page += 1) {
      const found = await dataOf(api.GET('/api/v1/contests', { params: { query: { phase: 'over', page, limit: SEARCHED_PER_PAGE } } }))
      contests.push(...found.contests)
      pages = Math.ceil(found.pagination.total / SEARCHED_PER_PAGE)
    }
    return { contests }
  },
  staleTime: 60_000,
})

export const contestQuery = (slug: string) =>
  queryOptions({
    queryKey: ['contest', slug],
    queryFn: () => dataOf(api.GET('/api/v1/contests/{slug}', { params: { path: { slug }, query: { html: true } } })),
    staleTime: 10_000,
  })
