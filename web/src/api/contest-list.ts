// The query of the list of contests.
import { queryOptions } from '@tanstack/react-query'
import { api, dataOf } from './client'
import { CURRENT_SHOWN, PAST_SHOWN } from './contest'

type Phase = 'running' | 'upcoming' | 'over'

/** `user`: each contest has the participation of this user. */
export const contestsQuery = (phase: Phase, page = 1, user?: string) =>
  queryOptions({
    queryKey: ['contests', phase, page, user],
    queryFn: () =>
      dataOf(api.GET('/api/v1/contests', { params: { query: { phase, page, limit: phase === 'over' ? PAST_SHOWN : CURRENT_SHOWN, ...(user !== undefined && { participation: true }) } } })),
    placeholderData: (before) => before,
  })
