// The contest of a problem in which the user takes part at the moment, for a problem that was not opened from the contest.
//
// The server lists the user's participations in the running and in the latest past contests. For an older contest, the
// page of the contest remembers in this browser that the user takes part virtually (`util/virtual.ts`).
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { contestQuery, ownContestsQuery } from '../api/contest'
import { serverNow } from '../util/clock'
import { read, write } from '../util/storage'
import { contestsOf, withContest } from '../util/virtual'

const FRESH_MS = 60_000

const virtualKey = (user: string) => `cupel.virtual/${user}`

/** Remembers the contest in which the user takes part virtually. */
export const rememberVirtual = (user: string, contest: string): boolean => write(virtualKey(user), withContest(read(virtualKey(user)), contest))

/** The contest's slug. `user`: `undefined` for a visitor, who takes part in no contest. */
export function useOwnContest(slug: string, user: string | undefined, isNeeded: boolean): string | undefined {
  const queries = useQueryClient()
  const found = useQuery({
    queryKey: ['contest-of', slug, user],
    queryFn: async () => {
      const runs = (own: { ends_at: string } | null | undefined) => own != null && serverNow() < Date.parse(own.ends_at)
      const listed = (phase: 'running' | 'over') => queries.fetchQuery({ ...ownContestsQuery(phase, user ?? ''), staleTime: FRESH_MS })
      const [running, past] = await Promise.all([listed('running'), listed('over')])
      const own = [...running, ...past].filter(({ participation }) => runs(participation)).map((one) => one.slug)
      const slugs = new Set([...own, ...contestsOf(read(virtualKey(user ?? '')))])
      // A contest may have been removed meanwhile.
      const found = await Promise.all([...slugs].map((one) => queries.fetchQuery({ ...contestQuery(one), staleTime: FRESH_MS }).catch(() => undefined)))
      return found.find((one) => one !== undefined && runs(one.participation) && one.problems?.some((problem) => problem.slug === slug))?.slug ?? null
    },
    enabled: isNeeded && user !== undefined,
    staleTime: FRESH_MS,
    // The problem can be solved without it.
    retry: false,
  })
  return found.data ?? undefined
}
