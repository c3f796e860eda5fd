// The contests: running, upcoming, past.
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { CircleCheck } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { addressOf, api, CallError, dataOf, type Schema } from '../api/client'
import { ownContestsQuery } from '../api/contest'
import { contestsQuery } from '../api/contest-list'
import { sessionQuery } from '../api/queries'
import { field } from '../components/AccountPage'
import { Countdown } from '../components/Countdown'
import { ErrorBox } from '../components/ErrorBox'
import { Part } from '../components/TakePart'
import { RowsSkeleton } from '../components/Skeletons'
import { useLastPage } from '../hooks/useLastPage'
import { useSend } from '../hooks/useSend'
import { useTitle } from '../hooks/useTitle'
import { contestListTexts } from '../i18n/contest-list'
import { useLanguage, useMessages, useTexts } from '../i18n/messages'
import { contests } from '../routes'
import { Button, buttonClass } from '../ui/Button'
import { Field } from '../ui/Field'
import { lengthOf } from '../util/clock'
import { contestIn } from '../util/search'
import { isRunningVirtually } from '../util/standings'
import { withoutOverrides } from '../util/visible'

export function ContestList() {
  const m = useMessages()
  const t = useTexts(contestListTexts)
  const page = contests.useSearch().page ?? 1
  const navigate = useNavigate()
  const session = useQuery(sessionQuery)
  const user = session.data?.user?.username
  const isOrganizer = session.data?.user?.role === 'admin' || session.data?.user?.role === 'author'
  const enabled = !session.isPending
  const running = useQuery({ ...contestsQuery('running', 1, user), enabled })
  const upcoming = useQuery({ ...contestsQuery('upcoming', 1, user), enabled })
  const past = useQuery({ ...contestsQuery('over', page, user), enabled })
  const latest = useQuery({ ...ownContestsQuery('over', user ?? ''), enabled: user !== undefined && page > 1 })
  useTitle(m.contests.title)
  const [create, or, interfaceName, end] = t.emptyOrganizer
  const all = [running, upcoming, past]
  const failed = all.find((one) => one.error !== null)
  const [, setTurns] = useState(0)
  const refresh = () => {
    // A participant's own time ends without a change on the server.
    setTurns((count) => count + 1)
    all.forEach((one) => void one.refetch())
  }
  // A contest in which the user's own time is running belongs to the running ones, although it is over for others.
  const virtual = ((page > 1 ? latest.data : past.data?.contests) ?? []).filter(isRunningVirtually)
  const isVirtual = ({ slug }: Line) => virtual.some((one) => one.slug === slug)
  const go = (page: number, replace = false) => void navigate({ to: '/contests', search: page > 1 ? { page } : {}, replace })
  const isAfterLast = useLastPage(past, (page) => go(page, true))
  const isLoaded = running.data !== undefined && upcoming.data !== undefined && past.data !== undefined && !isAfterLast
  const isEmpty = isLoaded && [running, upcoming, past].every((one) => one.data?.pagination.total === 0)
  const pagination = past.data?.pagination
  const pages = pagination === undefined ? 1 : Math.max(1, Math.ceil(pagination.total / pagination.limit))
  return (
    <div className="w-full max-w-5xl mx-auto px-3 sm:px-4 py-5 sm:py-8">
      <h1 className="text-2xl font-semibold tracking-tight">{m.contests.title}</h1>
      {failed !== undefined && (
        <div className="mt-4">
          <ErrorBox error={failed.error} onRetry={refresh} />
        </div>
      )}
      {!isLoaded && failed === undefined && (
        <div className="mt-6">
          <RowsSkeleton rows={6} />
        </div>
      )}
      {isEmpty && (
        <div className="py-16 text-center">
          <p className="text-lg font-semibold">{t.empty}</p>
          <p className="mt-1 text-muted">{t.emptyDetail}</p>
          {isOrganizer && (
            <p className="mt-1 text-muted">
              {create}
              <code>cupel contest create</code>
              {or}
              <a href={addressOf('/docs/')} className="text-accent-text underline">
                {interfaceName}
              </a>
              {end}
            </p>
          )}
          <Link to="/problems" className={`${buttonClass()} mt-4`}>
            {t.emptyGo}
          </Link>
        </div>
      )}
      {isLoaded && !isEmpty && (
        <>
          <Group title={t.running} none={t.noneRunning} lines={[...virtual, ...running.data.contests]} onTurn={refresh} />
          <Group title={t.upcoming} none={t.noneUpcoming} lines={[...upcoming.data.contests].reverse()} onTurn={refresh} />
          <Group title={t.past} none={t.nonePast} lines={past.data.contests.filter((one) => !isVirtual(one))} onTurn={refresh} />
          {pages > 1 && (
            <nav aria-label={t.past} className="mt-4 flex items-center justify-between gap-3">
              <Button disabled={page <= 1} onClick={() => go(page - 1)}>
                {m.list.previous}
              </Button>
              <span className="text-muted">{m.list.page(page, pages)}</span>
              <Button disabled={page >= pages} onClick={() => go(page + 1)}>
                {m.list.next}
              </Button>
            </nav>
          )}
        </>
      )}
      {isLoaded && <PrivateContest />}
    </div>
  )
}

/** Joins a contest that is not listed. A join code is valid for one contest, so the form asks for both. */
function PrivateContest() {
  const m = useMessages()
  const t = useTexts(contestListTexts)
  const c = m.contests
  const navigate = useNavigate()
  const queries = useQueryClient()
  const session = useQuery(sessionQuery)
  const [fault, setFault] = useState<string>()
  const join = useSend({
    mutationFn: ({ slug, code }: { slug: string; code: string }) =>
      dataOf(api.POST('/api/v1/contests/{slug}/participation', { params: { path: { slug } }, body: { kind: 'official', join_code: code } })),
    onSuccess: async (_, { slug }) => {
      void queries.invalidateQueries({ queryKey: ['contests'] })
      void queries.resetQueries({ queryKey: ['contest', slug] })
      await navigate({ to: '/contests/$slug', params: { slug } })
    },
  })
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const slug = contestIn(field(form, 'contest'))
    setFault(slug === undefined ? t.noAddress : undefined)
    join.reset()
    if (slug !== undefined) join.mutate({ slug, code: field(form, 'code').trim() })
  }
  const isWrong = join.error instanceof CallError && join.error.status === 404
  return (
    <section className="mt-8 max-w-xl">
      <h2 className="text-lg font-semibold">{t.private}</h2>
      {session.data?.user == null ? (
        <p className="mt-2">
          <Link to="/sign-in" search={{ then: '/contests' }} className={buttonClass()}>
            {c.signInToJoin}
          </Link>
        </p>
      ) : (
        <form onSubmit={submit} className="mt-2 space-y-3">
          <Field label={t.address} hint={t.addressHint} error={fault} name="contest" autoComplete="off" autoCapitalize="none" spellCheck={false} maxLength={400} required />
          <Field label={c.code} name="code" autoComplete="off" autoCapitalize="characters" spellCheck={false} maxLength={64} required />
          {isWrong && (
            <p role="alert" className="text-wrong">
              {t.wrong}
            </p>
          )}
          {join.error !== null && !isWrong && <ErrorBox error={join.error} />}
          <Button type="submit" disabled={join.isPending}>
            {c.codeSubmit}
          </Button>
        </form>
      )}
    </section>
  )
}

type Line = Schema['ListedContest']

function Group({ title, none, lines, onTurn }: { title: string; none: string; lines: Line[]; onTurn: () => void }) {
  return (
    <section className="mt-6">
      <h2 className="text-lg font-semibold">{title}</h2>
      {lines.length === 0 ? (
        <p className="mt-1 py-2 text-muted">{none}</p>
      ) : (
        <ul className="mt-1 border-t border-border">
          {lines.map((line) => (
            <Row key={line.slug} line={line} onTurn={onTurn} />
          ))}
        </ul>
      )}
    </section>
  )
}

function Row({ line, onTurn }: { line: Line; onTurn: () => void }) {
  const { messages: m, tag } = useLanguage()
  const t = useTexts(contestListTexts)
  const starts = new Date(line.starts_at)
  const { participation } = line
  const own = isRunningVirtually(line) ? participation : undefined
  return (
    <li className="relative px-2 py-2 min-h-11 flex flex-wrap items-baseline gap-x-4 gap-y-0.5 border-b border-border hover:bg-raised">
      <div className="grow basis-60 min-w-0 flex flex-wrap items-baseline gap-x-4">
        <Link
          to="/contests/$slug"
          params={{ slug: line.slug }}
          className="min-w-0 font-medium break-words after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
        >
          {withoutOverrides(line.title)}
        </Link>
        {participation != null && (
          <span className="text-sm flex items-center gap-1.5">
            <CircleCheck aria-hidden size={14} strokeWidth={1.75} className="shrink-0 text-accepted" />
            <Part of={line} />
          </span>
        )}
      </div>
      <span className="text-sm text-muted sm:min-w-56">
        {m.contests.styles[line.style]} · {lengthOf(line.length_seconds, tag)}
        {!line.public && participation == null && ` · ${t.private}`}
      </span>
      <span className="text-sm sm:min-w-44 sm:text-right">
        {own != null ? (
          <>
            <span className="text-muted">{m.contests.ownEndsIn}</span> <Countdown to={own.ends_at} onEnd={onTurn} />
          </>
        ) : line.phase === 'over' ? (
          <time dateTime={line.starts_at} className="text-muted">
            {starts.toLocaleDateString(tag, { dateStyle: 'medium' })}
          </time>
        ) : (
          <>
            {line.phase === 'upcoming' && (
              <time dateTime={line.starts_at} className="mr-4">
                {starts.toLocaleString(tag, { dateStyle: 'medium', timeStyle: 'short' })}
              </time>
            )}
            <span className="text-muted">{line.phase === 'running' ? m.contests.endsIn : m.contests.startsIn}</span>{' '}
            <Countdown to={line.phase === 'running' ? line.ends_at : line.starts_at} onEnd={onTurn} />
          </>
        )}
      </span>
    </li>
  )
}
