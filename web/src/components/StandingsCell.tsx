// A participant's result for one problem: a short symbol and the time. Screen readers get the result in words.
import { useMessages } from '../i18n/messages'
import { contestTime, isFirst, points, shortOf, stateOf, type Cell, type CellState } from '../util/standings'
import type { Messages } from '../i18n/en'

const COLOURS: Record<CellState, string> = {
  none: 'text-muted',
  solved: 'text-accepted font-semibold',
  partial: 'text-accepted font-semibold',
  rejected: 'text-wrong',
  pending: 'text-compile font-semibold',
}

export function inWords(cell: Cell, m: Messages): string {
  const words = m.contests.cell
  const state = stateOf(cell)
  const parts: string[] = []
  if (cell.score != null && cell.tries > 0) parts.push(words.points(points(cell.score)))
  else if (cell.solved_at_seconds != null) parts.push(words.solved(contestTime(cell.solved_at_seconds), cell.tries))
  else if (cell.tries > 0) parts.push(words.rejected(cell.tries))
  if (isFirst(cell)) parts.push(words.first)
  if (state === 'pending') parts.push(words.pending(cell.pending))
  return parts.length === 0 ? words.none : m.parts(parts)
}

/** The result in words. */
export function CellWords({ cell }: { cell: Cell }) {
  const m = useMessages()
  return <span className={`text-sm ${COLOURS[stateOf(cell)]}`}>{inWords(cell, m)}</span>
}

export function CellText({ cell }: { cell: Cell }) {
  const m = useMessages()
  const state = stateOf(cell)
  const time = cell.solved_at_seconds
  return (
    <span className="inline-flex flex-col items-end leading-[1.15]">
      <span className="sr-only">{inWords(cell, m)}</span>
      <span aria-hidden className={`figure ${COLOURS[state]}`}>
        {shortOf(cell)}
        {isFirst(cell) && ' ★'}
      </span>
      {time != null && state !== 'none' && (
        <span aria-hidden className="figure text-muted">
          {contestTime(time)}
        </span>
      )}
    </span>
  )
}
