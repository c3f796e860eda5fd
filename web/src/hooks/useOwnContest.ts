// The running contest of a problem in which the user takes part, for a problem that was not opened from the contest.
//
// The server does not list the contests in which a user takes part virtually. So the page of a contest remembers in
// this browser that the user takes part.
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { contestQuery, contestsQuery } from '../api/contest'
import { serverNow } from '../util/clock'
import { read, write } from '../util/storage'

/** Maximum number of running contests that are read. */
const READ_MAX = 10
const FRESH_MS = 60_000

const virtualKey = (user: string) => `cupel.virtual/${user}`

/** Remembers the contest in which the user takes part virtually. */
export const rememberVirtual = (user: string, contest: string): boolean => write(virtualKey(user), contest)

/** The contest's slug. `user`: `undefined` for a visitor, who takes part in no contest. */
export function useOwnContest(slug: string, user: string | undefined, isNeeded: boolean): string | undefined {
  const queries = useQueryClient()
  const found = useQuery({
    queryKey: ['contest-of', slug, user],
    queryFn: async () => {
      const { contests } = await queries.fetchQuery({ ...contestsQuery('running'), staleTime: FRESH_MS })
      const detailOf = (contest: string) => queries.fetchQuery({ ...contestQuery(contest), staleTime: FRESH_MS })
      const virtual = read(virtualKey(user ?? ''))
      const found = await Promise.all([
        ...contests.slice(0, READ_MAX).map((one) => detailOf(one.slug)),
        // The contest may have been removed.
        ...(virtual === null ? [] : [detailOf(virtual).catch(() => undefined)]),
      ])
      const own = found.filter((one) => one !== undefined).find(({ problems, participation }) => participation != null && serverNow() < Date.parse(participation.ends_at) && problems?.some((one) => one.slug === slug))
      return own?.slug ?? null
    },
    enabled: isNeeded && user !== undefined,
    staleTime: FRESH_MS,
    // The problem can be solved without it.
    retry: false,
  })
  return found.data ?? undefined
}
