// A link back to the contest from which a problem was opened, with the remaining time and the number of new
// announcements and answers.
//
// The server decides by author and time whether a submission counts in the contest. The page that sends it does not
// matter.
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ChevronLeft } from 'lucide-react'
import type { Schema } from '../api/client'
import { contestQuery } from '../api/contests'
import { sessionQuery } from '../api/queries'
import { useClarifications } from '../hooks/useClarifications'
import { useMessages } from '../i18n/messages'
import { serverNow } from '../util/clock'
import { Countdown } from './Countdown'
import { NewsBadge, NewsStatus } from './News'

/** `of`: the contest. */
export function InContest({ slug, of }: { slug: string; of: string }) {
  const m = useMessages()
  const queries = useQueryClient()
  const found = useQuery(contestQuery(of))
  const contest = found.data
  const label = contest?.problems?.find((one) => one.slug === slug)?.label
  if (contest === undefined || label === undefined) return null
  const own = contest.participation
  const counts = own != null && serverNow() < Date.parse(own.ends_at)
  return (
    <div className="shrink-0 flex flex-wrap items-center gap-x-3 gap-y-0.5 px-3 py-1.5 border-b border-border bg-raised text-sm">
      <Link to="/contests/$slug" params={{ slug: of }} className="inline-flex items-center gap-1 min-w-0 font-medium text-accent-text pointer-coarse:min-h-9">
        <ChevronLeft aria-hidden size={16} strokeWidth={1.5} />
        <span className="truncate max-w-60">{contest.title}</span>
      </Link>
      {counts && (
        <span className="min-w-0 text-muted" title={m.contests.inContest(label)}>
          {m.contests.problemLabel(label)} · {m.contests.endsIn}{' '}
          <Countdown to={own.ends_at} onEnd={() => void queries.invalidateQueries({ queryKey: ['contest', of] })} />
        </span>
      )}
      <Questions contest={contest} />
    </div>
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
        className="ml-auto inline-flex items-center text-accent-text pointer-coarse:min-h-9"
      >
        {m.contests.views.clarifications}
        <NewsBadge n={news} isOrganizer={contest.may_change} />
      </Link>
      <NewsStatus n={news} isOrganizer={contest.may_change} />
    </>
  )
}
