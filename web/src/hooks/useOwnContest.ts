// The running contest of a problem in which the user takes part, for a problem that was not opened from the contest.
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { contestQuery, contestsQuery } from '../api/contest'
import { serverNow } from '../util/clock'

/** Maximum number of running contests that are read. */
const READ_MAX = 10
const FRESH_MS = 60_000

/** The contest's slug. `user`: `undefined` for a visitor, who takes part in no contest. */
export function useOwnContest(slug: string, user: string | undefined, isNeeded: boolean): string | undefined {
  const queries = useQueryClient()
  const found = useQuery({
    queryKey: ['contest-of', slug, user],
    queryFn: async () => {
      const { contests } = await queries.fetchQuery({ ...contestsQuery('running'), staleTime: FRESH_MS })
      const read = await Promise.all(contests.slice(0, READ_MAX).map((one) => queries.fetchQuery({ ...contestQuery(one.slug), staleTime: FRESH_MS })))
      const own = read.find(({ problems, participation }) => participation != null && serverNow() < Date.parse(participation.ends_at) && problems?.some((one) => one.slug === slug))
      return own?.slug ?? null
    },
    enabled: isNeeded && user !== undefined,
    staleTime: FRESH_MS,
    // The problem can be solved without it.
    retry: false,
  })
  return found.data ?? undefined
}
