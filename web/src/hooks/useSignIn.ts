// Signing in: the request for a session, and what a page does with the new session.
import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { api, dataOf, type Schema } from '../api/client'
import { sessionQuery, setUser } from '../api/queries'
import { announceSession } from '../util/session-channel'
import { wayBack } from '../util/way-back'

/** Requests a session. The server sets a cookie that scripts cannot read. */
export const signInAs = (login: { username: string; password: string }) =>
  dataOf(api.POST('/api/v1/session', { body: login, params: { header: { 'X-Cupel-Site': '1' } } }))

/** Returns a function that makes the new session known to the site and to other tabs, and then goes to the path `then`, or to the problems. */
export function useSignedIn() {
  const queries = useQueryClient()
  const navigate = useNavigate()
  return async (state: Schema['SessionState'], then?: string) => {
    queries.clear()
    queries.setQueryData(sessionQuery.queryKey, setUser(state))
    announceSession()
    await navigate({ ...wayBack(then), replace: true })
  }
}
