// Text and state of a cell of the standings.
import type { Schema } from '../api/client'
import { serverNow } from './clock'

export type Cell = Schema['CellView']
export type CellState = 'none' | 'solved' | 'partial' | 'rejected' | 'pending'

/**
 * State of a cell. `pending` takes precedence, because the visible result may still change. In IOI scoring, a cell with
 * points is `partial`, because the maximum score is not known here.
 */
export function stateOf(cell: Cell): CellState {
  if (cell.pending > 0) return 'pending'
  if (cell.score != null) return cell.score > 0 ? 'partial' : cell.tries > 0 ? 'rejected' : 'none'
  if (cell.solved_at_seconds != null) return 'solved'
  return cell.tries > 0 ? 'rejected' : 'none'
}

/** `+` solved at once, `+2` after two rejected tries, `−3` three rejected tries, `?1` one hidden try, or the score. */
export function shortOf(cell: Cell): string {
  const state = stateOf(cell)
  if (state === 'pending') {
    const before = cell.score != null ? String(points(cell.score)) : cell.tries > 0 ? `−${cell.tries}` : ''
    return `${before} ?${cell.pending}`.trim()
  }
  if (state === 'none') return ''
  if (cell.score != null) return points(cell.score)
  if (state === 'rejected') return `−${cell.tries}`
  return cell.tries > 1 ? `+${cell.tries - 1}` : '+'
}

/**
 * Whether the cell is marked as the first solution of the problem: only in contests without points, because a mark beside
 * points could be read as the first points.
 */
export const isFirst = (cell: Cell): boolean => cell.first && cell.score == null

/**
 * Whether the row has a rank. Official participants are ranked among themselves. A virtual participant has a place by
 * the result, and no rank.
 */
export const hasRank = ({ kind }: Pick<Schema['RowView'], 'kind'>): boolean => kind !== 'virtual'

/** Number of participants who have solved a problem, by the shown results of a contest without points. */
export const solvedBy = (rows: readonly Pick<Schema['RowView'], 'problems'>[], at: number): number =>
  rows.filter(({ problems }) => problems[at]?.solved_at_seconds != null).length

/** At most two decimals. */
export const points = (score: number): string => String(Number(score.toFixed(2)))

/** Time in the contest: `0:07`, `12:34` (hours and minutes). */
export function contestTime(seconds: number): string {
  const minutes = Math.floor(seconds / 60)
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}`
}

/** Whether the participant's own time is running. For virtual participation, it differs from the contest's time. */
export const isRunning = ({ phase, participation }: Pick<Schema['ContestView'], 'phase' | 'participation'>): boolean =>
  participation?.kind === 'virtual' ? serverNow() < Date.parse(participation.ends_at) : participation != null && phase === 'running'

/** Whether the user takes part virtually, and the time of this participation is running. */
export const isRunningVirtually = (contest: Pick<Schema['ContestView'], 'phase' | 'participation'>): boolean => contest.participation?.kind === 'virtual' && isRunning(contest)

/** Whether results stay hidden after the end, until an organizer lifts the freeze. */
export const isFrozenAfterEnd = ({ phase, freeze_seconds: freeze, unfrozen }: Pick<Schema['ContestView'], 'phase' | 'freeze_seconds' | 'unfrozen'>): boolean =>
  phase === 'over' && freeze != null && freeze > 0 && !unfrozen

/**
 * Whether the standings can still change after the end: an organizer has not lifted the freeze yet, or submissions are not judged yet.
 */
export const awaitsResults = (standings: { frozen: boolean; rows: readonly Pick<Schema['RowView'], 'problems'>[] }): boolean =>
  standings.frozen || standings.rows.some(({ problems }) => problems.some(({ pending }) => pending > 0))

/**
 * Whether a submission counts in a contest. The server decides by the participant's own time, even if the submission was sent before the
 * participant joined.
 */
export function countsIn({ participation }: Pick<Schema['ContestView'], 'participation'>, submittedAt: string): boolean {
  if (participation == null) return false
  const at = Date.parse(submittedAt)
  return at >= Date.parse(participation.starts_at) && at <= Date.parse(participation.ends_at)
}
