// When a list of submissions is read again, because one of them has no verdict yet. The page of the problem follows only the submission
// that was sent last.
import type { Schema } from '../api/client'
import { serverNow } from './clock'

const POLL_MS = 3_000

/** A submission that waits this long may wait for hours, so the list is read less often. */
const LONG_MS = 5 * 60_000
const LONG_POLL_MS = 30_000

/** The interval; `false`: never. */
export function verdictPoll(submissions: readonly Pick<Schema['SummaryView'], 'verdict' | 'submitted_at'>[] = []): number | false {
  const waiting = submissions.filter(({ verdict }) => verdict == null)
  if (waiting.length === 0) return false
  return waiting.some((one) => serverNow() - Date.parse(one.submitted_at) < LONG_MS) ? POLL_MS : LONG_POLL_MS
}
