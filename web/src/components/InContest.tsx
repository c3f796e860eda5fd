// The line above a problem of a contest: links to the contest, its other problems, its standings and its questions, with the remaining
// time and the number of new announcements and answers.
//
// The server decides by author and time whether a submission counts in the contest. The page that sends it does not
// matter.
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ChevronLeft, ChevronRight } from 'lucide-react'
import type { Schema } from '../api/client'
import { contestQuery } from '../api/contest'
import { sessionQuery } from '../api/queries'
import { useClarifications } from '../hooks/useClarifications'
import { useMessages } from '../i18n/messages'
import { serverNow } from '../util/clock'
import { Countdown } from './Countdown'
import { NewsBadge, NewsStatus } from './News'

const LINK = 'inline-flex items-center min-h-6 pointer-coarse:min-h-10 text-accent-text hover:underline'

/** `of`: the contest. */
export function InContest({ slug, of }: { slug: string; of: string }) {
  const m = useMessages()
  const queries = useQueryClient()
  const found = useQuery(contestQuery(of))
  const contest = found.data
  const problems = contest?.problems ?? []
  const at = problems.findIndex((one) => one.slug === slug)
  const label = problems[at]?.label
  if (contest === undefined || label === undefined) return null
  const own = contest.participation
  const counts = own != null && serverNow() < Date.parse(own.ends_at)
  return (
    <div data-spare className="shrink-0 flex flex-wrap items-center gap-x-3 px-3 py-1 pointer-coarse:py-0 border-b border-border bg-raised text-sm">
      <div className="grow flex items-center gap-x-3 min-w-0">
        <Link to="/contests/$slug" params={{ slug: of }} className={`${LINK} gap-1 min-w-0 font-medium`}>
          <ChevronLeft aria-hidden size={16} strokeWidth={1.5} className="shrink-0" />
          <span className="truncate">{contest.title}</span>
        </Link>
        {counts && (
          <span className="ml-auto sm:ml-0 shrink-0 text-muted" title={m.contests.inContest(label)}>
            <span className="max-sm:sr-only">{m.contests.problemLabel(label)}</span>
            <span aria-hidden className="sm:hidden">
              {label}
            </span>
            {' · '}
            <span className="max-sm:sr-only">{m.contests.endsIn}</span> <Countdown to={own.ends_at} onEnd={() => void queries.invalidateQueries({ queryKey: ['contest', of] })} />
          </span>
        )}
      </div>
      <div className="max-sm:grow flex items-center gap-x-3">
        <Other problem={problems[at - 1]} of={of} isNext={false} />
        <Other problem={problems[at + 1]} of={of} isNext />
        <span className="grow" />
        <Link to="/contests/$slug" params={{ slug: of }} search={{ view: 'standings' }} className={LINK}>
          {m.contests.views.standings}
        </Link>
        <Questions contest={contest} />
      </div>
    </div>
  )
}

/** A link to the next or the previous problem, by its label. */
function Other({ problem, of, isNext }: { problem: Schema['ContestProblemView'] | undefined; of: string; isNext: boolean }) {
  const m = useMessages()
  if (problem === undefined) return null
  const name = m.pair(isNext ? m.shortcuts.next : m.shortcuts.previous, `${problem.label}. ${problem.title}`)
  return (
    <Link to="/problems/$slug" params={{ slug: problem.slug }} search={{ contest: of }} aria-label={name} title={name} className={`${LINK} min-w-6 pointer-coarse:min-w-10 justify-center font-medium`}>
      {!isNext && <ChevronLeft aria-hidden size={14} strokeWidth={1.5} />}
      {problem.label}
      {isNext && <ChevronRight aria-hidden size={14} strokeWidth={1.5} />}
    </Link>
  )
}

function Questions({ contest }: { contest: Schema['ContestView'] }) {
  const m = useMessages()
  const session = useQuery(sessionQuery)
  const { news } = useClarifications(contest, session.data?.user?.username)
  return (
    <>
      <Link
        to="/contests/$slug"
        params={{ slug: contest.slug }}
        search={{ view: 'clarifications' }}
        className={LINK}
      >
        {m.contests.views.clarifications}
        <NewsBadge n={news} isOrganizer={contest.may_change} />
      </Link>
      <NewsStatus n={news} isOrganizer={contest.may_change} />
    </>
  )
}
