// What the pages of contests read from the server.
import { queryOptions } from '@tanstack/react-query'
import { api, dataOf, type Schema } from './client'

/** Running and upcoming contests that the list shows. */
const CURRENT_SHOWN = 100
const PAST_SHOWN = 20

/** Rows per request: the server's most. */
const ROWS = 100

/** Rows of the standings that are shown; larger contests have the file (CSV). */
export const ROWS_MAX = 1_000

/** Clarifications that are shown, newest first. */
const CLARIFICATIONS_SHOWN = 100

/** How often a page that is visible asks for news of a running contest. The server makes standings once a second for all. */
export const STANDINGS_POLL_MS = 3_000
export const CLARIFICATIONS_POLL_MS = 10_000

type Phase = 'running' | 'upcoming' | 'over'

export const contestsQuery = (phase: Phase, page = 1) =>
  queryOptions({
    queryKey: ['contests', phase, page],
    queryFn: () => dataOf(api.GET('/api/v1/contests', { params: { query: { phase, page, limit: phase === 'over' ? PAST_SHOWN : CURRENT_SHOWN } } })),
    placeholderData: (before) => before,
  })

export const contestQuery = (slug: string) =>
  queryOptions({
    queryKey: ['contest', slug],
    queryFn: () => dataOf(api.GET('/api/v1/contests/{slug}', { params: { path: { slug }, query: { html: true } } })),
    staleTime: 10_000,
  })

export type Standings = Omit<Schema['StandingsView'], 'pagination'> & { total: number }

/** All rows, best first, as far as they are shown. */
export const standingsQuery = (slug: string) =>
  queryOptions({
    queryKey: ['standings', slug],
    queryFn: async (): Promise<Standings> => {
      const read = async (page: number) => {
        const answer = await dataOf(api.GET('/api/v1/contests/{slug}/standings', { params: { path: { slug }, query: { limit: ROWS, page } } }))
        // CSV, the other form, comes only on request.
        return answer as Schema['StandingsView']
      }
      const { pagination, ...first } = await read(1)
      const total = pagination.total
      const pages = Math.ceil(Math.min(total, ROWS_MAX) / ROWS)
      const rest = await Promise.all(Array.from({ length: Math.max(0, pages - 1) }, (_, at) => read(at + 2)))
      // Between two requests a participant may have moved to another page.
      const rows = new Map([first, ...rest].flatMap((page) => page.rows.map((row) => [`${row.kind}/${row.username}`, row])))
      return { ...first, rows: [...rows.values()], total }
    },
  })

export const clarificationsQuery = (slug: string) =>
  queryOptions({
    queryKey: ['clarifications', slug],
    queryFn: () => dataOf(api.GET('/api/v1/contests/{slug}/clarifications', { params: { path: { slug }, query: { limit: CLARIFICATIONS_SHOWN } } })),
  })
