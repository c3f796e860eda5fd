// The administrator's first page: queue, workers, current runs, walls and languages. It changes nothing.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { Check, TriangleAlert, X } from 'lucide-react'
import type { ReactNode } from 'react'
import { ADMIN_POLL_MS, healthQuery, queueQuery, runningQuery, workersQuery, type Health } from '../api/admin'
import { api, dataOf, type Schema } from '../api/client'
import { languagesQuery, removeUser, sessionQuery } from '../api/queries'
import { ErrorBox } from '../components/ErrorBox'
import { PageError } from '../components/PageError'
import { PageSkeleton, RowsSkeleton } from '../components/Skeletons'
import { useServerNow } from '../hooks/useServerNow'
import { useTitle } from '../hooks/useTitle'
import { admin } from '../i18n/admin'
import { useLanguage, useTexts } from '../i18n/messages'
import { Disclosure } from '../ui/Disclosure'
import { Button, buttonClass } from '../ui/Button'
import { ago, count } from '../util/format'
import { versionNumber } from '../util/language'
import { announceSession } from '../util/session-channel'
import { withoutOverrides } from '../util/visible'

/** The server's maximum number of runs in a response. */
const RUNS_MAX = 200

export function Admin() {
  const { messages: m } = useLanguage()
  const a = useTexts(admin)
  const session = useQuery(sessionQuery)
  useTitle(a.title)
  if (session.data === undefined) {
    return session.error === null ? <PageSkeleton rows={8} /> : <PageError queries={[session]} />
  }
  const { user } = session.data
  if (user?.role === 'admin') return <State />
  return (
    <div className="py-16 px-4 text-center">
      <h1 className="text-lg font-semibold">{a.onlyAdmins}</h1>
      <p className="mt-1 text-muted break-words">{user == null ? a.onlyAdminsDetail : a.onlyAdminsOther(user.username)}</p>
      {user == null ? (
        <Link to="/sign-in" search={{ then: '/admin' }} className={`${buttonClass()} mt-4`}>
          {m.menu.signIn}
        </Link>
      ) : (
        <OtherAccount />
      )}
    </div>
  )
}

/** Signs out first, because the sign-in page leads users who are signed in back here. */
function OtherAccount() {
  const a = useTexts(admin)
  const queries = useQueryClient()
  const navigate = useNavigate()
  const signOut = useMutation({
    mutationFn: () => dataOf(api.DELETE('/api/v1/session')),
    onSuccess: async () => {
      removeUser()
      queries.clear()
      await navigate({ to: '/sign-in', search: { then: '/admin' } })
      announceSession()
    },
  })
  return (
    <>
      <Button className="mt-4" disabled={signOut.isPending} onClick={() => signOut.mutate()}>
        {a.another}
      </Button>
      {signOut.error !== null && (
        <div className="w-full max-w-xl mx-auto mt-4 text-left">
          <ErrorBox error={signOut.error} />
        </div>
      )}
    </>
  )
}

function State() {
  const a = useTexts(admin)
  const queue = useQuery(queueQuery)
  const workers = useQuery(workersQuery)
  const running = useQuery(runningQuery)
  const health = useQuery(healthQuery)
  const languages = useQuery({ ...languagesQuery, refetchInterval: ADMIN_POLL_MS, staleTime: 0 })
  const all = [queue, workers, running, health, languages]
  const failed = all.find((one) => one.error !== null && one.data === undefined)
  const isStale = all.some((one) => one.error !== null && one.data !== undefined)
  return (
    <div className="w-full max-w-5xl mx-auto px-3 sm:px-4 py-5 sm:py-8">
      <div className="flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1">
        <h1 className="text-2xl font-semibold tracking-tight">{a.title}</h1>
        <p role="status" className={`text-sm ${isStale ? 'text-wrong' : 'text-muted'}`}>
          {isStale ? a.stale : a.fresh(ADMIN_POLL_MS / 1000)}
        </p>
      </div>
      {health.data !== undefined && <Status health={health.data} />}
      {failed !== undefined && (
        <div className="mt-4">
          <ErrorBox error={failed.error} onRetry={() => all.forEach((one) => void one.refetch())} />
        </div>
      )}
      {failed === undefined && all.some((one) => one.data === undefined) && (
        <div className="mt-8">
          <RowsSkeleton rows={8} />
        </div>
      )}
      {queue.data !== undefined && <Queue queue={queue.data} workers={workers.data} />}
      {workers.data !== undefined && <Workers workers={workers.data} />}
      {running.data !== undefined && <Runs running={running.data} all={queue.data?.running} />}
      <div className="grid grid-cols-1 gap-x-12 md:grid-cols-2 items-start">
        {health.data !== undefined && <Walls walls={health.data.walls} />}
        {languages.data !== undefined && <Languages languages={languages.data.languages} />}
      </div>
    </div>
  )
}

function Section({ title, detail, children }: { title: string; detail?: string | undefined; children: ReactNode }) {
  return (
    <section className="mt-8">
      <h2 className="text-lg font-semibold">{title}</h2>
      {detail !== undefined && <p className="mt-0.5 text-muted">{detail}</p>}
      <div className="mt-3">{children}</div>
    </section>
  )
}

function Status({ health }: { health: Health }) {
  const a = useTexts(admin)
  const [Glyph, colour] = { ok: [Check, 'text-accepted'] as const, degraded: [TriangleAlert, 'text-limit'] as const, unavailable: [X, 'text-wrong'] as const }[health.status]
  const broken = health.checks.filter((check) => !check.ok)
  return (
    <div className="mt-2">
      <p className="flex flex-wrap items-center gap-x-2">
        <Glyph aria-hidden size={16} strokeWidth={1.75} className={colour} />
        <span className={`font-medium ${colour}`}>{a.status[health.status]}</span>
        <span className="text-muted">{a.version(health.version)}</span>
      </p>
      {(health.degraded.length > 0 || broken.length > 0) && (
        <ul className="mt-2 max-w-[80ch] space-y-1 list-disc pl-5">
          {broken.map((check) => (
            <li key={check.name} className="break-words">
              <span className="font-medium">{check.name}</span> {a.parts.down}
              {check.detail !== undefined && (
                <>
                  {': '}
                  <span lang="en">{check.detail}</span>
                </>
              )}
            </li>
          ))}
          {health.degraded.map((reduction) => (
            <li key={reduction} lang="en" className="break-words">
              {reduction}
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}

function Queue({ queue, workers }: { queue: Schema['QueueView']; workers: Worker[] | undefined }) {
  const { tag } = useLanguage()
  const q = useTexts(admin).queue
  const now = useServerNow()
  const n = (value: number) => count(value, tag)
  const oldest = queue.oldest_queued_at
  const figures: [string, ReactNode, string?][] = [
    [q.waiting, n(queue.queued)],
    [q.oldest, oldest == null ? <span className="text-base font-normal text-muted">{q.none}</span> : <time dateTime={oldest} title={new Date(oldest).toLocaleString(tag)}>{ago(oldest, now, tag)}</time>],
    [q.running, n(queue.running)],
    [q.judged, workers === undefined ? '–' : n(workers.reduce((sum, worker) => sum + worker.judged_last_minute, 0))],
    [q.scheduled, n(queue.scheduled)],
    [q.depth, q.depthOf(n(queue.depth), n(queue.depth_max))],
    [q.dead, n(queue.dead_letters), q.deadHint],
  ]
  return (
    <Section title={q.title}>
      <dl className="grid grid-cols-2 sm:grid-cols-3 border-t border-l border-border rounded-md overflow-hidden">
        {figures.map(([name, value, hint]) => (
          <div key={name} className="p-3 border-r border-b border-border bg-surface" title={hint}>
            <dt className="text-sm text-muted">{name}</dt>
            <dd className="mt-0.5 text-xl font-semibold tabular-nums">{value}</dd>
          </div>
        ))}
      </dl>
      {queue.dead_letters > 0 && <p className="mt-2 text-sm text-muted">{q.deadHint}</p>}
      {queue.unserved.map((one) => (
        <p key={one.languages.join()} className="mt-2 text-wrong">
          {q.unserved(one.runs, one.languages.join(', '))}
        </p>
      ))}
    </Section>
  )
}

type Worker = Schema['WorkerView']

function Workers({ workers }: { workers: Worker[] }) {
  const { tag } = useLanguage()
  const w = useTexts(admin).workers
  const now = useServerNow()
  if (workers.length === 0) {
    return (
      <Section title={w.title}>
        <p className="font-semibold text-wrong">{w.none}</p>
        <p className="mt-0.5 text-muted">{w.noneDetail}</p>
      </Section>
    )
  }
  const head = 'py-1.5 px-3 font-normal text-left'
  const cell = 'py-1.5 px-3 whitespace-nowrap'
  const stateOf = ({ order }: Worker) => (order === 'pause' || order === 'drain' ? w.states[order] : w.states.work)
  const slotsOf = ({ busy, slots }: Worker) => w.slotsOf(count(busy, tag), count(slots, tag))
  const since = (at: string) => (
    <time dateTime={at} title={new Date(at).toLocaleString(tag)}>
      {ago(at, now, tag)}
    </time>
  )
  return (
    <Section title={w.title} detail={w.detail}>
      <ul className="md:hidden border-t border-border">
        {workers.map((worker) => (
          <li key={worker.worker_id} className="py-2 border-b border-border">
            <p className="flex justify-between gap-3">
              <span className="min-w-0 break-words font-medium">{worker.name}</span>
              <span className="shrink-0">{stateOf(worker)}</span>
            </p>
            <dl className="mt-1 grid grid-cols-2 gap-x-4 gap-y-0.5 text-sm">
              {(
                [
                  [w.slots, slotsOf(worker)],
                  [w.judged, count(worker.judged_last_minute, tag)],
                  [w.seen, since(worker.seen_at)],
                  [w.languages, count(worker.languages, tag)],
                  [w.started, since(worker.started_at)],
                  [w.version, worker.version],
                ] satisfies [string, ReactNode][]
              ).map(([name, value]) => (
                <div key={name} className="flex flex-wrap gap-x-1.5">
                  <dt className="text-muted">{name}</dt>
                  <dd className="min-w-0 break-words">{value}</dd>
                </div>
              ))}
            </dl>
          </li>
        ))}
      </ul>
      <div tabIndex={0} role="region" aria-label={w.title} className="scroll-x max-md:hidden border border-border rounded-md bg-surface">
        <table className="w-full">
          <thead className="text-xs text-muted border-b border-border">
            <tr>
              <th scope="col" className={head}>{w.name}</th>
              <th scope="col" className={head}>{w.state}</th>
              <th scope="col" className={`${head} text-right`}>{w.slots}</th>
              <th scope="col" className={`${head} text-right`}>{w.judged}</th>
              <th scope="col" className={`${head} text-right`}>{w.languages}</th>
              <th scope="col" className={head}>{w.version}</th>
              <th scope="col" className={head}>{w.seen}</th>
              <th scope="col" className={head}>{w.started}</th>
            </tr>
          </thead>
          <tbody>
            {workers.map((worker) => (
              <tr key={worker.worker_id} className="border-b border-border last:border-0 h-9">
                <th scope="row" className={`${cell} font-medium text-left max-w-48 truncate`} title={worker.name}>
                  {worker.name}
                </th>
                <td className={cell}>{stateOf(worker)}</td>
                <td className={`${cell} figure text-right`}>{slotsOf(worker)}</td>
                <td className={`${cell} figure text-right`}>{count(worker.judged_last_minute, tag)}</td>
                <td className={`${cell} figure text-right`}>{count(worker.languages, tag)}</td>
                <td className={`${cell} figure`}>{worker.version}</td>
                <td className={cell}>{since(worker.seen_at)}</td>
                <td className={cell}>{since(worker.started_at)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  )
}

/** `all`: the number of all running runs, of which only the longest are listed. */
function Runs({ running, all }: { running: Schema['RunningView'][]; all: number | undefined }) {
  const { tag } = useLanguage()
  const j = useTexts(admin).jobs
  const now = useServerNow()
  if (running.length === 0) return <Section title={j.title} detail={j.none}>{null}</Section>
  return (
    <Section title={j.title} detail={all !== undefined && all > running.length && running.length >= RUNS_MAX ? j.more(running.length, count(all, tag)) : undefined}>
      <ul className="border-t border-border">
        {running.map((run) => (
          <li key={run.submission_id} className="grid grid-cols-[minmax(0,1fr)_auto] sm:grid-cols-[minmax(0,2fr)_minmax(0,2fr)_minmax(0,2fr)_auto] gap-x-4 py-1.5 min-h-9 border-b border-border">
            <span className="min-w-0 break-words font-medium">{run.problem ?? run.language ?? j.verification}</span>
            <span className="min-w-0 break-words max-sm:order-3">
              <span className="sr-only">{j.user}: </span>
              {withoutOverrides(run.username)}
            </span>
            <span className="min-w-0 break-words text-muted max-sm:order-4 max-sm:text-right">
              <span className="sr-only">{j.worker}: </span>
              {run.worker_name ?? run.worker_id}
              {run.attempt > 1 && ` · ${j.attempt} ${count(run.attempt, tag)}`}
            </span>
            <time dateTime={run.started_at} title={new Date(run.started_at).toLocaleString(tag)} className="text-right max-sm:order-2">
              {ago(run.started_at, now, tag)}
            </time>
          </li>
        ))}
      </ul>
    </Section>
  )
}

function Walls({ walls }: { walls: Health['walls'] }) {
  const w = useTexts(admin).walls
  if (walls.length === 0) return <Section title={w.title}>{w.none}</Section>
  const down = walls.filter((wall) => !wall.stands).length
  return (
    <Section title={w.title} detail={`${down === 0 ? w.all(walls.length) : w.some(down, walls.length)}${w.detail}`}>
      <ul className="border-t border-border">
        {walls.map((wall) => (
          <li key={wall.name} className="flex gap-2.5 py-1.5 min-h-9 border-b border-border">
            {wall.stands ? <Check aria-hidden size={16} strokeWidth={1.75} className="mt-0.5 shrink-0 text-accepted" /> : <X aria-hidden size={16} strokeWidth={1.75} className="mt-0.5 shrink-0 text-wrong" />}
            <div className="min-w-0 grow">
              <p className="flex flex-wrap justify-between gap-x-3">
                <span className="font-medium break-words">{wall.name}</span>
                <span className={wall.stands ? 'text-muted' : 'text-wrong'}>{wall.stands ? w.stands : w.down}</span>
              </p>
              {wall.detail !== undefined && <p lang="en" className="text-sm text-muted break-words">{wall.detail}</p>}
            </div>
          </li>
        ))}
      </ul>
    </Section>
  )
}

function Languages({ languages }: { languages: Schema['LanguageView'][] }) {
  const l = useTexts(admin).languages
  const available = languages.filter((language) => language.available)
  const missing = languages.filter((language) => !language.available)
  return (
    <Section title={l.title} detail={available.length === 0 ? l.none : l.available(available.length, languages.length)}>
      {available.length > 0 && (
        <ul className="border-t border-border">
          {available.map((language) => (
            <li key={language.language_id} className="flex justify-between gap-3 py-1.5 min-h-9 border-b border-border">
              <span className="min-w-0 break-words font-medium">{language.display_name}</span>
              <span className="figure leading-5 min-w-0 text-right text-muted break-words" title={language.version ?? undefined}>
                {language.version != null && versionNumber(language.version)}
              </span>
            </li>
          ))}
        </ul>
      )}
      {missing.length > 0 && (
        <Disclosure title={l.missing(missing.length)} className="text-muted">
          <ul className="mt-1 border-t border-border">
            {missing.map((language) => (
              <li key={language.language_id} className="py-1.5 border-b border-border">
                <p>{language.display_name}</p>
                {language.unavailable_reason != null && <p className="text-sm text-muted break-words">{language.unavailable_reason}</p>}
              </li>
            ))}
          </ul>
        </Disclosure>
      )}
    </Section>
  )
}
