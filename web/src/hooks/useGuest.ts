// Guests: the temporary accounts with which visitors run programs. The site shows a guest the pages of a visitor.
import { useQueryClient } from '@tanstack/react-query'
import { api, CallError, dataOf, pageUser, type Schema } from '../api/client'
import { adopt, sessionQuery } from '../api/queries'

type State = Schema['SessionState']

/** The request that is on its way. All runs of the page wait for the same guest. */
let entering: Promise<State> | undefined

const open = () => dataOf(api.POST('/api/v1/auth/guest', { params: { header: { 'X-Cupel-Site': '1' } } }))

export function useGuest() {
  const queries = useQueryClient()
  const isVisitor = () => queries.getQueryData(sessionQuery.queryKey)?.user == null
  /** Makes the page that of the browser's session. Returns whether it is still that of a visitor who may run programs. */
  const take = (state: State): boolean => {
    adopt(queries, state)
    return state.user == null && state.guests_allowed
  }
  /**
   * Makes a visitor a guest before a run, unless the page knows that it is one. `hasEnded`: the server no longer knows the guest. Returns
   * whether the run may begin. If not, the page has changed: it is that of a user now, or the server has no guests any more.
   */
  const enter = async (hasEnded = false): Promise<boolean> => {
    if (pageUser() !== undefined && !hasEnded) return true
    entering ??= open().finally(() => {
      entering = undefined
    })
    try {
      return take(await entering)
    } catch (error) {
      if (!(error instanceof CallError)) throw error
      if (error.status === 403 && !take(await dataOf(api.GET('/api/v1/session')))) return false
      // Only here, an account helps.
      if (error.code !== 'too-many-attempts') throw error
      throw new CallError(error.status, 'too-many-guests', error.title, error.detail, error.requestId, error.fields, error.retryAfterSeconds)
    }
  }
  return {
    isVisitor,
    /** Whether a call has failed because the guest of the page has ended. */
    hasEnded: (error: unknown): boolean => error instanceof CallError && error.status === 401 && isVisitor(),
    take,
    enter,
  }
}
