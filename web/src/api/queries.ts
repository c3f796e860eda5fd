// Queries of the site. Server data are only in the query cache; view state is in the URL.
import { queryOptions, type QueryClient } from '@tanstack/react-query'
import { api, CallError, dataOf, setAccount, type Schema } from './client'
import type { ListSearch } from '../util/search'
import { noteSignedIn } from '../util/signed-in'

const LIST_SIZE = 50

/** Maximum number of retries of a call that says who the user is. */
const SESSION_RETRIES_MAX = 2

/** Number of own submissions shown on a problem's page. */
const SUBMISSIONS_SHOWN = 20

/** Makes the page one without a user, after a sign-out. The page may still send requests of the user, which are refused. */
export function removeUser(): void {
  noteSignedIn(false)
  setAccount(undefined)
}

/** Makes the page that of the session's user or guest. Returns the session. */
export function setUser(state: Schema['SessionState']): Schema['SessionState'] {
  setAccount((state.user ?? state.guest)?.user_id, state.user != null)
  return state
}

export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: async () => setUser(await dataOf(api.GET('/api/v1/session'))),
  // Without an answer, the page cannot know whether the user is signed in.
  retry: (failures, error) => error instanceof CallError && (error.status === 0 || error.status >= 500) && failures < SESSION_RETRIES_MAX,
  // A page keeps its user until the page itself changes it, also if the session ends meanwhile (`useSessionWatch`).
  staleTime: Infinity,
})

/** Makes the page that of the browser's session. After somebody has signed in in another tab, the user may see other data than the visitor. */
export function adopt(queries: QueryClient, state: Schema['SessionState']): void {
  // Pages that were left may be those of an earlier user.
  if (state.user != null) queries.removeQueries({ type: 'inactive' })
  queries.setQueryData(sessionQuery.queryKey, setUser(state))
  if (state.user != null) void queries.invalidateQueries({ predicate: ({ queryKey: [of] }) => of !== 'session' })
}

export const languagesQuery = queryOptions({
  queryKey: ['languages'],
  queryFn: () => dataOf(api.GET('/api/v1/languages')),
  staleTime: 5 * 60_000,
})

export const problemsQuery = (search: ListSearch) =>
  queryOptions({
    queryKey: ['problems', search],
    queryFn: () => {
      const { q, difficulty, tag, state, sort, page } = search
      const query = {
        limit: LIST_SIZE,
        ...(q && { q }),
        ...(difficulty && { difficulty }),
        ...(tag && { tag }),
        ...(state && { state }),
        ...(sort && { sort }),
        ...(page && { page }),
      }
      return dataOf(api.GET('/api/v1/problems', { params: { query } }))
    },
    placeholderData: (before) => before,
  })

export const problemQuery = (slug: string, lang: string) =>
  queryOptions({
    queryKey: ['problem', slug, lang],
    queryFn: () =>
      dataOf(api.GET('/api/v1/problems/{slug}', { params: { path: { slug }, query: { lang, html: true } } })),
    staleTime: 30_000,
  })

export const editorialQuery = (slug: string, lang: string) =>
  queryOptions({
    queryKey: ['editorial', slug, lang],
    queryFn: () =>
      dataOf(api.GET('/api/v1/problems/{slug}/editorial', { params: { path: { slug }, query: { lang, html: true } } })),
    staleTime: 30_000,
  })

export const submissionsQuery = (slug: string) =>
  queryOptions({
    queryKey: ['submissions', slug],
    queryFn: async () => {
      const query = { limit: SUBMISSIONS_SHOWN }
      const page = await dataOf(api.GET('/api/v1/problems/{slug}/submissions', { params: { path: { slug }, query } }))
      // The response is CSV only on request.
      return page as Schema['SentPage']
    },
  })

/** A shared program never changes. */
export const sharedQuery = (id: string) =>
  queryOptions({
    queryKey: ['shared', id],
    queryFn: () => dataOf(api.GET('/api/v1/snippets/{snippet_id}', { params: { path: { snippet_id: id } } })),
    staleTime: Infinity,
  })
