// A contest: how long it runs, how to take part, and its problems, standings and questions.
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useDeferredValue, useEffect, useState } from 'react'
import { CallError, type Schema } from '../api/client'
import { contestQuery } from '../api/contest'
import { standingsQuery, STANDINGS_POLL_MS } from '../api/contests'
import { sessionQuery } from '../api/queries'
import { ContestProblems } from '../components/ContestProblems'
import { Countdown } from '../components/Countdown'
import { lazyPart } from '../components/LazyPart'
import { cannotRead, PageError } from '../components/PageError'
import { PageSkeleton } from '../components/Skeletons'
import { Html } from '../components/Statement'
import { NewsBadge, NewsStatus } from '../components/News'
import { TakePart } from '../components/TakePart'
import { StandingsTable } from '../components/StandingsTable'
import { useClarifications } from '../hooks/useClarifications'
import { useKeptFocus } from '../hooks/useKeptFocus'
import { rememberVirtual } from '../hooks/useOwnContest'
import { useTitle } from '../hooks/useTitle'
import { useLanguage, useMessages } from '../i18n/messages'
import { contest as route } from '../routes'
import { intoView, tabClass, tabListClass } from '../ui/tab'
import { lengthOf } from '../util/clock'
import { contestSearch } from '../util/search'
import type { ContestView } from '../util/search'
import { awaitsResults, isFrozenAfterEnd, isRunning } from '../util/standings'
import { withoutOverrides } from '../util/visible'

const Clarifications = lazyPart(async () => (await import('../components/Clarifications')).Clarifications)
const JoinByCode = lazyPart(async () => (await import('../components/JoinByCode')).JoinByCode)
const JoinCode = lazyPart(async () => (await import('../components/JoinCode')).JoinCode)
const OrganizerStandings = lazyPart(async () => (await import('../components/OrganizerStandings')).OrganizerStandings)
const Unfreeze = lazyPart(async () => (await import('../components/Unfreeze')).Unfreeze)

export function ContestPage() {
  const { slug } = route.useParams()
  return <OneContest key={slug} slug={slug} />
}

function OneContest({ slug }: { slug: string }) {
  const m = useMessages()
  const found = useQuery(contestQuery(slug))
  const session = useQuery(sessionQuery)
  // A deferred value is rendered in short tasks.
  const shows = useDeferredValue(found.data !== undefined && session.data !== undefined, false)
  useTitle(found.data?.title ?? m.contests.title)
  const isHidden = found.data === undefined && found.error instanceof CallError && found.error.status === 404
  // While the contest is requested again, there is no error. The form stays nevertheless, so that it keeps its text and
  // its message.
  const [wasHidden, setWasHidden] = useState(false)
  if (isHidden && !wasHidden) setWasHidden(true)
  // The form is replaced by the contest that the user has joined, and the other way round.
  useKeptFocus(found.data !== undefined || (wasHidden ? false : undefined))
  if (isHidden || (wasHidden && found.data === undefined && found.error === null)) return <JoinByCode waiting={<PageSkeleton wide tabs={3} />} slug={slug} isSignedIn={session.data?.user != null} />
  const queries = [found, session]
  if (cannotRead(queries)) return <PageError queries={queries} />
  if (!shows || found.data === undefined || session.data === undefined) return <PageSkeleton wide tabs={3} />
  return <Contest contest={found.data} user={session.data.user?.username} />
}

function Contest({ contest, user }: { contest: Schema['ContestView']; user: string | undefined }) {
  const m = useMessages()
  const queries = useQueryClient()
  const view = contestSearch(route.useSearch()).view ?? 'problems'
  const { slug, participation } = contest
  const ownRuns = isRunning(contest)
  // Each visible page polls the standings while the contest runs, and after the end until all results are shown. A hidden page does not
  // poll.
  const runs = contest.phase === 'running' || ownRuns
  const standings = useQuery({
    ...standingsQuery(slug),
    // Before the start, the standings only show who has joined, so only their own view reads them.
    enabled: view === 'standings' || (view === 'problems' && (participation != null || contest.may_change || contest.phase === 'over') && contest.phase !== 'upcoming'),
    refetchInterval: ({ state: { data } }) => (runs || (data !== undefined && awaitsResults(data)) ? STANDINGS_POLL_MS : false),
  })
  // The freeze was lifted elsewhere, for example with the command line.
  const isLifted = !runs && isFrozenAfterEnd(contest) && standings.data?.frozen === false
  useEffect(() => {
    if (isLifted) void queries.invalidateQueries({ queryKey: ['contest', slug] })
  }, [isLifted, slug])
  const isVirtual = ownRuns && participation?.kind === 'virtual'
  useEffect(() => {
    if (!isVirtual || user === undefined) return
    rememberVirtual(user, slug)
    void queries.invalidateQueries({ queryKey: ['contest-of'] })
  }, [isVirtual, user, slug])
  const questions = useClarifications(contest, user, view === 'clarifications')
  // The page with the questions does not need the number of new entries.
  const news = view === 'clarifications' ? 0 : questions.news
  const turn = () => {
    // Until the end, participants ask questions.
    for (const key of ['contest', 'standings', 'clarifications']) void queries.invalidateQueries({ queryKey: [key, slug] })
  }
  return (
    <div className="w-full max-w-7xl mx-auto px-3 sm:px-4 py-3 sm:py-8 low:py-3">
      <header className="flex flex-wrap items-start justify-between gap-x-6 gap-y-1 sm:gap-y-3">
        <div className="min-w-0">
          <h1 className="text-xl sm:text-2xl font-semibold tracking-tight break-words text-balance">{withoutOverrides(contest.title)}</h1>
          <Facts contest={contest} isShort={view !== 'problems'} />
        </div>
        <Clock contest={contest} onTurn={turn} />
      </header>
      {contest.description.trim() !== '' && (
        <div className={view === 'problems' ? '' : 'max-sm:hidden low:hidden'}>
          <Description contest={contest} />
        </div>
      )}
      <TakePart contest={contest} isSignedIn={user !== undefined} />
      {view === 'problems' && contest.join_code != null && !contest.public && <JoinCode code={contest.join_code} />}
      {contest.may_change && contest.phase === 'over' && contest.freeze_seconds != null && (
        <Unfreeze contest={contest} />
      )}
      <Views contest={contest} current={view} news={news} />
      <NewsStatus n={news} isOrganizer={contest.may_change} />
      <div className="mt-4">
        {view === 'problems' && <ContestProblems contest={contest} standings={standings.data} />}
        {view === 'standings' &&
          (contest.may_change ? (
            <OrganizerStandings waiting={<p role="status">{m.loading}</p>} contest={contest} query={standings} user={user} />
          ) : (
            <StandingsTable contest={contest} query={standings} user={user} />
          ))}
        {view === 'clarifications' && (
          <Clarifications waiting={<p role="status">{m.loading}</p>} contest={contest} user={user} questions={questions} />
        )}
      </div>
    </div>
  )
}

/** A contest has no files. */
const NO_FILES: Schema['FileView'][] = []

function Description({ contest }: { contest: Schema['ContestView'] }) {
  const html = contest.description_html
  return (
    <div className="mt-2 sm:mt-4">
      {html != null ? <Html html={html} files={NO_FILES} /> : <p className="max-w-[68ch] whitespace-pre-wrap break-words">{contest.description}</p>}
    </div>
  )
}

/** The start of a contest, with the short name of the time zone. */
const START: Intl.DateTimeFormatOptions = { year: 'numeric', month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit', timeZoneName: 'short' }

/** `isShort`: in a narrow window, the standings and the questions get the room. */
function Facts({ contest, isShort }: { contest: Schema['ContestView']; isShort: boolean }) {
  const { messages: m, tag } = useLanguage()
  const c = m.contests
  const facts: [string, string][] = [
    [c.starts, new Date(contest.starts_at).toLocaleString(tag, START)],
    [c.length, lengthOf(contest.length_seconds, tag)],
    [c.scoring, c.styles[contest.style]],
  ]
  if (contest.penalty_minutes != null) facts.push([c.penalty, c.penaltyOf(contest.penalty_minutes)])
  if (contest.freeze_seconds != null) facts.push([c.freeze, c.freezeOf(lengthOf(contest.freeze_seconds, tag))])
  return (
    <>
      <dl className={`mt-1 sm:mt-2 flex flex-wrap gap-x-4 sm:gap-x-6 sm:gap-y-1 text-sm ${isShort ? 'low:hidden' : ''}`}>
        {facts.map(([name, value]) => (
          <div key={name} className="flex gap-1.5">
            <dt className="text-muted">{name}</dt>
            <dd className="min-w-0">{value}</dd>
          </div>
        ))}
      </dl>
      <p className={`sm:mt-1 text-sm text-muted ${isShort ? 'max-sm:hidden low:hidden' : ''}`}>{c.styleHints[contest.style]}</p>
    </>
  )
}

function Clock({ contest, onTurn }: { contest: Schema['ContestView']; onTurn: () => void }) {
  const m = useMessages()
  const own = contest.participation?.kind === 'virtual' && isRunning(contest) ? contest.participation : undefined
  const [label, to] =
    own !== undefined
      ? ([m.contests.ownEndsIn, own.ends_at] as const)
      : contest.phase === 'upcoming'
        ? ([m.contests.startsIn, contest.starts_at] as const)
        : ([m.contests.endsIn, contest.ends_at] as const)
  if (contest.phase === 'over' && own === undefined) return <p className="text-lg font-semibold text-muted">{m.contests.over}</p>
  return (
    <p className="max-lg:flex items-baseline gap-2 lg:text-right">
      <span className="block text-sm text-muted">{label}</span>
      <Countdown to={to} onEnd={onTurn} className="text-lg sm:text-2xl font-semibold" />
    </p>
  )
}

function Views({ contest, current, news }: { contest: Schema['ContestView']; current: ContestView | 'problems'; news: number }) {
  const m = useMessages()
  const { slug } = contest
  const views = ['problems', 'standings', 'clarifications'] as const
  return (
    <nav aria-label={m.contests.title} className={`mt-3 sm:mt-6 low:mt-3 ${tabListClass}`}>
      {views.map((view) => (
        <Link
          key={view}
          ref={view === current ? intoView : null}
          to="/contests/$slug"
          params={{ slug }}
          search={view === 'problems' ? {} : { view }}
          resetScroll={false}
          activeOptions={{ exact: true, includeSearch: true }}
          aria-current={view === current ? 'page' : undefined}
          className={tabClass(view === current)}
        >
          {m.contests.views[view]}
          {view === 'clarifications' && <NewsBadge n={news} isOrganizer={contest.may_change} />}
        </Link>
      ))}
    </nav>
  )
}
