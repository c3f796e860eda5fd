// Whether submissions no longer count in a contest for the user, because the user's time or the contest is over.
import { useEffect, useState } from 'react'
import type { Schema } from '../api/client'
import { serverNow } from '../util/clock'

/** Longest time of a timer of the browser. */
const TIMER_MS_MAX = 2 ** 31 - 1

export function useHasEnded(contest: Pick<Schema['ContestView'], 'ends_at' | 'participation'> | undefined): boolean {
  const end = contest === undefined ? undefined : Date.parse(contest.participation?.ends_at ?? contest.ends_at)
  const [, setChecked] = useState(0)
  const left = end === undefined ? 0 : end - serverNow()
  useEffect(() => {
    if (left <= 0) return
    const timer = setTimeout(() => setChecked((n) => n + 1), Math.min(left, TIMER_MS_MAX))
    return () => clearTimeout(timer)
  }, [left > 0, end])
  return end !== undefined && left <= 0
}
