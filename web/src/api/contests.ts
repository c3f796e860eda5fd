// Queries of the contest pages for standings and questions.
import { infiniteQueryOptions, queryOptions, type InfiniteData } from '@tanstack/react-query'
import { serverNow } from '../util/clock'
import { answered, api, dataOf, isForVisitor, refusal, type Schema } from './client'

/** Rows per request: the server's maximum. */
const ROWS = 100

/** Maximum number of rows shown. The CSV file has all rows of a larger contest. */
export const ROWS_MAX = 1_000

/** Clarifications per request: the server's maximum. */
export const CLARIFICATIONS_PAGE = 100

/** Maximum number of pages of clarifications that are loaded. Organizers of a larger contest can use the API. */
export const CLARIFICATION_PAGES_MAX = 10

/**
 * Interval at which a visible page polls a running contest. The server computes the standings once a second for all
 * clients.
 */
export const STANDINGS_POLL_MS = 3_000
/** The server computes these standings for each organizer. */
export const UNFROZEN_STANDINGS_POLL_MS = 10_000

export type Standings = Omit<Schema['StandingsView'], 'pagination'> & { total: number }

/** The last version of a page of the standings. */
interface CachedPage {
  tag: string
  view: Schema['StandingsView']
  /** The server's time at which the page was current, in milliseconds. */
  at: number
}

/** The last pages by number, for the standings that were read last. */
let cached = { of: '', pages: new Map<number, CachedPage>() }

/** A page of the standings. The server sends the page only if it has changed. */
async function standingsPage(slug: string, unfrozen: boolean, page: number): Promise<Schema['StandingsView']> {
  const of = `${slug}?${unfrozen}`
  if (cached.of !== of) cached = { of, pages: new Map() }
  const { pages } = cached
  const before = pages.get(page)
  const params = { path: { slug }, query: { limit: ROWS, page, ...(unfrozen && { unfrozen }) } }
  const answer = await answered(api.GET('/api/v1/contests/{slug}/standings', { params, ...(before !== undefined && { headers: { 'if-none-match': before.tag } }) }))
  const { response } = answer
  if (before !== undefined && (response.status === 304 || isForVisitor(response))) {
    // The tag does not cover the elapsed time, so this page computes it.
    const elapsed = Math.max(0, Math.round((serverNow() - before.at) / 1000))
    return { ...before.view, elapsed_seconds: before.view.elapsed_seconds + elapsed }
  }
  if (!response.ok) throw refusal(answer)
  // The response is CSV only on request.
  const view = answer.data as Schema['StandingsView']
  const tag = response.headers.get('etag')
  if (tag === null) pages.delete(page)
  else pages.set(page, { tag, view, at: serverNow() })
  return view
}

/** The shown rows, best first. `unfrozen`: with the results that a freeze hides, for organizers only. */
export const standingsQuery = (slug: string, unfrozen = false) =>
  queryOptions({
    queryKey: ['standings', slug, unfrozen],
    queryFn: async (): Promise<Standings> => {
      const { pagination, ...first } = await standingsPage(slug, unfrozen, 1)
      const total = pagination.total
      const pages = Math.ceil(Math.min(total, ROWS_MAX) / ROWS)
      const rest = await Promise.all(Array.from({ length: Math.max(0, pages - 1) }, (_, at) => standingsPage(slug, unfrozen, at + 2)))
      // A participant may have moved to another page between two requests.
      const rows = new Map([first, ...rest].flatMap((page) => page.rows.map((row) => [`${row.kind}/${row.username}`, row])))
      return { ...first, rows: [...rows.values()], total }
    },
  })

export const clarificationsQuery = (slug: string) =>
  infiniteQueryOptions({
    queryKey: ['clarifications', slug],
    queryFn: ({ client, queryKey, pageParam: page }) => {
      const before = client.getQueryData<InfiniteData<Schema['ClarificationPage'], number>>(queryKey)
      return dataOf(api.GET('/api/v1/contests/{slug}/clarifications', { params: { path: { slug }, query: { html: true, limit: CLARIFICATIONS_PAGE, page } } }), before?.pages[before.pageParams.indexOf(page)])
    },
    initialPageParam: 1,
    getNextPageParam: ({ pagination: { page, limit, total } }) => (page * limit < total && page < CLARIFICATION_PAGES_MAX ? page + 1 : undefined),
  })
