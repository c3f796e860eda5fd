// Guests: a visitor who runs a program becomes a guest of the server, with a session of its own. For the site, a guest remains a visitor.
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { api, dataOf } from '../api/client'
import { entered, sessionQuery } from '../api/queries'
import { useIsEmbedded } from './useIsEmbedded'

/** Whether a visitor of this page may run programs. In a frame of another site, the browser keeps no session. */
export function useMayBeGuest(): boolean {
  const session = useQuery(sessionQuery)
  const isEmbedded = useIsEmbedded()
  return session.data?.guests_allowed === true && !isEmbedded
}

/**
 * Returns a function that makes a visitor a guest before a run. If the visitor is a guest already, the server only confirms it. If its time
 * is over, this makes a new one.
 */
export function useEnter(): () => Promise<void> {
  const queries = useQueryClient()
  return async () => {
    const before = queries.getQueryData(sessionQuery.queryKey)
    if (before === undefined || before.user != null || !before.guests_allowed) return
    const state = await dataOf(api.POST('/api/v1/auth/guest', { params: { header: { 'X-Cupel-Site': '1' } } }))
    queries.setQueryData(sessionQuery.queryKey, entered(state))
  }
}
