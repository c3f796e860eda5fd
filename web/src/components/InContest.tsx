// The line above a problem of a contest: links to the contest, its other problems, its standings and its questions, with the remaining
// time and the number of new announcements and answers.
//
// The server decides by author and time whether a submission counts in the contest. The page that sends it does not
// matter.
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ChevronLeft, ChevronRight } from 'lucide-react'
import { useState } from 'react'
import { CallError, type Schema } from '../api/client'
import { contestQuery } from '../api/contest'
import { standingsQuery } from '../api/contests'
import { sessionQuery } from '../api/queries'
import { useClarifications } from '../hooks/useClarifications'
import { editing } from '../i18n/editing'
import { inContestTexts } from '../i18n/in-contest'
import { useMessages, useTexts } from '../i18n/messages'
import { Button, buttonClass } from '../ui/Button'
import { Note } from '../ui/Note'
import { Bone } from '../ui/Skeleton'
import type { AskedFault } from '../util/asked-contest'
import { serverNow } from '../util/clock'
import { nextInContest } from '../util/next-problem'
import { countsIn, points } from '../util/standings'
import { withoutOverrides } from '../util/visible'
import { Countdown } from './Countdown'
import { ErrorBox } from './ErrorBox'
import { NewsBadge, NewsStatus } from './News'

const LINK = 'inline-flex items-center min-h-6 pointer-coarse:min-h-11 text-accent-text hover:underline'

/** Longer than the countdown takes to notice the end. */
const LATE_MS = 5_000

/** `of`: the contest. `isBrief`: on a phone, everything is in one row, without the links to other problems. */
export function InContest({ slug, of, isBrief }: { slug: string; of: string; isBrief: boolean }) {
  const m = useMessages()
  const t = useTexts(inContestTexts)
  const queries = useQueryClient()
  const found = useQuery(contestQuery(of))
  /** The end of the contest, if it came while the page was open and the user has not yet read the message about it. */
  const [passed, setPassed] = useState<string>()
  const [isRead, setIsRead] = useState(false)
  const contest = found.data
  const problems = contest?.problems ?? []
  const at = problems.findIndex((one) => one.slug === slug)
  const label = problems[at]?.label
  // The page itself says that the contest does not exist.
  const isGone = found.error instanceof CallError && found.error.status === 404
  if (contest === undefined && found.error !== null && !isGone) {
    return (
      <div data-spare className="shrink-0 p-2 border-b border-border">
        <ErrorBox isCompact error={found.error} what={t.failed} onRetry={() => void found.refetch()} />
      </div>
    )
  }
  if (contest === undefined || label === undefined) return null
  const own = contest.participation
  // The countdown says that the time is over. Until then it stays, even if the page is drawn at the very end.
  const counts = own != null && own.ends_at !== passed && serverNow() < Date.parse(own.ends_at) + LATE_MS
  // The end of a contest may be moved, so the contest is read again.
  const end = () => {
    setPassed(own?.ends_at)
    for (const key of ['contest', 'clarifications']) void queries.invalidateQueries({ queryKey: [key, of] })
  }
  const bar = (
    <div data-spare className={`shrink-0 flex ${isBrief ? '' : 'flex-wrap'} items-center gap-x-3 px-3 py-1 pointer-coarse:py-0 border-b border-border bg-raised text-sm`}>
      <div className="grow flex items-center gap-x-3 min-w-0">
        <Link to="/contests/$slug" params={{ slug: of }} className={`${LINK} gap-1 min-w-0 font-medium`}>
          <ChevronLeft aria-hidden size={16} strokeWidth={1.5} className="shrink-0" />
          <span className="truncate">{withoutOverrides(contest.title)}</span>
        </Link>
        {counts && (
          <span className="ml-auto sm:ml-0 shrink-0 text-muted" title={m.contests.inContest(label)}>
            <span className="max-sm:sr-only">{m.contests.problemLabel(label)}</span>
            <span aria-hidden className="sm:hidden">
              {label}
            </span>
            {' · '}
            <span className="max-sm:sr-only">{m.contests.endsIn}</span> <Countdown to={own.ends_at} onEnd={end} /> <span aria-hidden className={isBrief ? 'hidden' : 'sm:hidden'}>{m.contests.left}</span>
          </span>
        )}
        {!counts && contest.phase !== 'upcoming' && (own != null || contest.phase === 'over') && <span className="ml-auto sm:ml-0 shrink-0 text-muted">{m.contests.over}</span>}
      </div>
      <div className={`flex items-center gap-x-3 ${isBrief ? '' : 'max-sm:grow flex-wrap'}`}>
        <div className={isBrief ? 'contents max-sm:hidden' : 'contents'}>
          <Other problem={problems[at - 1]} of={of} isNext={false} />
          <Other problem={problems[at + 1]} of={of} isNext />
        </div>
        <span className="grow" />
        <Link to="/contests/$slug" params={{ slug: of }} search={{ view: 'standings' }} className={LINK}>
          {m.contests.views.standings}
        </Link>
        <Questions contest={contest} slug={slug} />
      </div>
    </div>
  )
  return (
    <>
      {bar}
      {passed !== undefined && passed === own?.ends_at && !isRead && (
        <Note text={t.ended}>
          <Button onClick={() => setIsRead(true)}>{m.close}</Button>
        </Note>
      )}
    </>
  )
}

/**
 * After an accepted submission: its points if the contest counts points, the next problem of the contest that the user has not solved, and the
 * way back to the contest. `sentAt`: when the submission was sent.
 */
export function NextInContest({ slug, of, sentAt }: { slug: string; of: string; sentAt: string }) {
  const m = useMessages()
  const { onward } = useTexts(editing)
  const { notCounted, scored } = useTexts(inContestTexts)
  const found = useQuery(contestQuery(of))
  const standings = useQuery({ ...standingsQuery(of), enabled: found.data?.participation != null, staleTime: 0 })
  const contest = found.data
  if (contest === undefined) return found.error === null ? <Bone className="h-9" /> : null
  // Standings from before the latest submissions could lead to a problem that is solved.
  if (standings.isFetching && !standings.isFetchedAfterMount) return <Bone className="h-9" />
  const problems = contest.problems ?? []
  const cells = standings.data?.own?.problems
  const next = nextInContest(problems, slug, cells)
  const counts = countsIn(contest, sentAt)
  const score = contest.style === 'ioi' && counts ? cells?.[problems.findIndex((one) => one.slug === slug)]?.score : undefined
  return (
    <p className="flex flex-wrap items-center gap-2">
      {score != null && <span className="basis-full">{scored(m.contests.cell.points(points(score)))}</span>}
      {contest.participation != null && !counts && <span className="basis-full text-muted">{notCounted}</span>}
      {next !== undefined && (
        <Link to="/problems/$slug" params={{ slug: next.slug }} search={{ contest: of }} className={`${buttonClass()} min-w-0 max-w-full`}>
          <span className="truncate">{onward.next(`${next.label}. ${withoutOverrides(next.title)}`)}</span>
        </Link>
      )}
      <Link to="/contests/$slug" params={{ slug: of }} className={buttonClass('quiet')}>
        {m.contests.toContest}
      </Link>
      <Link to="/contests/$slug" params={{ slug: of }} search={{ view: 'standings' }} className={buttonClass('quiet')}>
        {m.contests.views.standings}
      </Link>
    </p>
  )
}

/** Says beside Submit that submissions no longer count in the contest. */
export function NoLonger() {
  return useTexts(inContestTexts).noLonger
}

/** Explains why the problem is not shown as one of the contest in the page's address. `title`: the contest's, if it is known. */
export function NotInContest({ of, title: written, fault }: { of: string; title: string | undefined; fault: AskedFault }) {
  const m = useMessages()
  const t = useTexts(inContestTexts)
  const session = useQuery(sessionQuery)
  const { outside, visitor, ...others } = t.faults
  const title = written && withoutOverrides(written)
  const text = fault === 'outside' ? (session.data?.user == null ? visitor : outside)(t.quoted(title)) : others[fault]
  return (
    <Note text={text}>
      {fault === 'unknown' ? (
        <Link to="/contests" className={LINK}>
          {m.menu.contests}
        </Link>
      ) : (
        <Link to="/contests/$slug" params={{ slug: of }} className={LINK}>
          {fault === 'outside' ? t.join : (title ?? m.contests.back)}
        </Link>
      )}
    </Note>
  )
}

/** A link to the next or the previous problem, by its label. */
function Other({ problem, of, isNext }: { problem: Schema['ContestProblemView'] | undefined; of: string; isNext: boolean }) {
  const m = useMessages()
  if (problem === undefined) return null
  const name = m.pair(isNext ? m.shortcuts.next : m.shortcuts.previous, `${problem.label}. ${withoutOverrides(problem.title)}`)
  return (
    <Link to="/problems/$slug" params={{ slug: problem.slug }} search={{ contest: of }} aria-label={name} title={name} className={`${LINK} min-w-6 pointer-coarse:min-w-11 justify-center font-medium`}>
      {!isNext && <ChevronLeft aria-hidden size={14} strokeWidth={1.5} />}
      {problem.label}
      {isNext && <ChevronRight aria-hidden size={14} strokeWidth={1.5} />}
    </Link>
  )
}

function Questions({ contest, slug }: { contest: Schema['ContestView']; slug: string }) {
  const m = useMessages()
  const session = useQuery(sessionQuery)
  const { news } = useClarifications(contest, session.data?.user?.username)
  return (
    <>
      <Link
        to="/contests/$slug"
        params={{ slug: contest.slug }}
        search={{ view: 'clarifications', about: slug }}
        className={LINK}
      >
        {m.contests.views.clarifications}
        <NewsBadge n={news} isOrganizer={contest.may_change} />
      </Link>
      <NewsStatus n={news} isOrganizer={contest.may_change} />
    </>
  )
}
