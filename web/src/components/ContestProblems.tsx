// The problems of a contest, with the user's own results in this contest.
import { Link } from '@tanstack/react-router'
import type { Schema } from '../api/client'
import { ROWS_MAX, type Standings } from '../api/contests'
import { contestTexts } from '../i18n/contests'
import { useMessages, useTexts } from '../i18n/messages'
import { solvedBy, stateOf } from '../util/standings'
import { withoutOverrides } from '../util/visible'
import { CellWords } from './StandingsCell'

export function ContestProblems({ contest, standings }: { contest: Schema['ContestView']; standings: Standings | undefined }) {
  const m = useMessages()
  const t = useTexts(contestTexts)
  const { problems, participation, phase } = contest
  if (problems == null) return <p className="py-6 text-muted">{phase === 'upcoming' || participation != null ? t.problemsLater : t.problemsHidden}</p>
  if (problems.length === 0) return <p className="py-6 text-muted">{t.noProblems}</p>
  const own = standings?.own
  // With points, the standings do not tell who has all of them. Only the first rows of long standings are loaded.
  const rows = contest.style === 'icpc' && standings !== undefined && standings.total <= ROWS_MAX ? standings.rows : undefined
  return (
    <ol>
      {problems.map((problem, at) => {
        const cell = own?.problems[at]
        return (
          <li key={problem.slug} className="relative grid grid-cols-[2rem_1fr] sm:grid-cols-[2rem_1fr_fit-content(55%)] items-center gap-x-3 min-h-11 px-2 border-b border-border hover:bg-raised">
            <span className="font-mono font-semibold text-muted">{problem.label}</span>
            <Link
              to="/problems/$slug"
              params={{ slug: problem.slug }}
              search={{ contest: contest.slug }}
              className="min-w-0 py-1.5 font-medium break-words after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
            >
              {withoutOverrides(problem.title)}
            </Link>
            <span className="sm:py-1 max-sm:pb-1.5 max-sm:col-start-2 flex flex-wrap items-center sm:justify-end gap-x-4">
              {rows !== undefined && <span className="text-sm text-muted">{m.contests.solvedBy(solvedBy(rows, at))}</span>}
              {cell !== undefined && (
                <span title={t.yourResult} className="min-w-14 sm:text-right">
                  <span className="sr-only">{m.heading(t.yourResult)}</span>
                  {stateOf(cell) === 'none' ? <span className="text-sm text-muted">{t.notTried}</span> : <CellWords cell={cell} />}
                </span>
              )}
            </span>
          </li>
        )
      })}
    </ol>
  )
}
