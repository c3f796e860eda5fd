// The contest in the address of a problem: whether the page can show the problem as one of that contest.
import type { Schema } from '../api/client'

/** Why the problem is not shown as one of the contest. `later`: the contest has not begun. */
export type AskedFault = 'unknown' | 'outside' | 'other' | 'later'

type Contest = Pick<Schema['ContestView'], 'problems' | 'participation' | 'may_change'>

/** `undefined`: the problem is one of the contest, or that is not known yet. `status`: the error status of the server. */
export function askedFault(contest: Contest | undefined, status: number | undefined, slug: string): AskedFault | undefined {
  if (status === 404) return 'unknown'
  if (contest === undefined || contest.problems?.some((one) => one.slug === slug)) return undefined
  if (contest.problems != null) return 'other'
  return contest.participation == null && !contest.may_change ? 'outside' : 'later'
}
