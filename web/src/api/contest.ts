// Queries of contests that the page of a problem also uses.
import { queryOptions } from '@tanstack/react-query'
import { api, dataOf, type Schema } from './client'

/** Maximum number of running and upcoming contests in the list. */
export const CURRENT_SHOWN = 100
export const PAST_SHOWN = 20
/** Maximum number of contests in the command palette. */
const FOUND_SHOWN = 8

/** Contests of the list with the user's participation in each. Of the past ones, only the latest. */
export const ownContestsQuery = (phase: 'running' | 'over', user: string) =>
  queryOptions({
    queryKey: ['contests', phase, 'own', user],
    queryFn: async () => (await dataOf(api.GET('/api/v1/contests', { params: { query: { phase, participation: true, limit: phase === 'over' ? PAST_SHOWN : CURRENT_SHOWN } } }))).contests,
  })

/** Contests whose title or slug has each word of a text, for the command palette. */
export const foundContestsQuery = (q: string) =>
  queryOptions({
    queryKey: ['contests', 'found', q],
    queryFn: () => dataOf(api.GET('/api/v1/contests', { params: { query: { q, limit: FOUND_SHOWN } } })),
    placeholderData: (before) => before,
    staleTime: 60_000,
  })

/** Organizers may change the times of a contest that has not ended. */
const TIMES_POLL_MS = 60_000

export const contestQuery = (slug: string) =>
  queryOptions({
    queryKey: ['contest', slug],
    queryFn: ({ client, queryKey }) => dataOf(api.GET('/api/v1/contests/{slug}', { params: { path: { slug }, query: { html: true } } }), client.getQueryData<Schema['ContestView']>(queryKey)),
    staleTime: 10_000,
    refetchInterval: ({ state }) => (state.data === undefined || state.data.phase === 'over' ? false : TIMES_POLL_MS),
  })
