// The problems of a contest, with the user's own results in this contest.
import { Link } from '@tanstack/react-router'
import type { Schema } from '../api/client'
import type { Standings } from '../api/contests'
import { useMessages } from '../i18n/messages'
import { CellText } from './StandingsCell'

export function ContestProblems({ contest, standings }: { contest: Schema['ContestView']; standings: Standings | undefined }) {
  const m = useMessages()
  const { problems, participation, phase } = contest
  if (problems == null) return <p className="py-6 text-muted">{phase === 'upcoming' || participation != null ? m.contests.problemsLater : m.contests.problemsHidden}</p>
  if (problems.length === 0) return <p className="py-6 text-muted">{m.contests.noProblems}</p>
  const own = standings?.own
  return (
    <ol>
      {problems.map((problem, at) => {
        const cell = own?.problems[at]
        return (
          <li key={problem.slug} className="relative grid grid-cols-[32px_1fr_auto] items-center gap-x-3 min-h-11 px-2 border-b border-border hover:bg-raised">
            <span className="font-mono font-semibold text-muted">{problem.label}</span>
            <Link
              to="/problems/$slug"
              params={{ slug: problem.slug }}
              search={{ contest: contest.slug }}
              className="min-w-0 py-1.5 font-medium break-words after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
            >
              {problem.title}
            </Link>
            {cell !== undefined && (
              <span title={m.contests.yourResult}>
                <span className="sr-only">{m.contests.yourResult}: </span>
                <CellText cell={cell} />
              </span>
            )}
          </li>
        )
      })}
    </ol>
  )
}
