// The way back to the contest from which a problem was opened, with the time that is left.
//
// The server counts a submission in the contest by its author and its time, whatever page sent it.
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ChevronLeft } from 'lucide-react'
import { contestQuery } from '../api/contests'
import { useMessages } from '../i18n/messages'
import { problem } from '../routes'
import { serverNow } from '../util/clock'
import { Countdown } from './Countdown'

export function InContest({ slug }: { slug: string }) {
  const m = useMessages()
  const queries = useQueryClient()
  const of = problem.useSearch().contest
  const found = useQuery({ ...contestQuery(of ?? ''), enabled: of !== undefined })
  const contest = found.data
  const label = contest?.problems?.find((one) => one.slug === slug)?.label
  if (of === undefined || contest === undefined || label === undefined) return null
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
    </div>
  )
}
