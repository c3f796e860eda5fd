// The signed-in user's submissions to a problem, newest first.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMessages, useTexts } from '../i18n/messages'
import { sessionQuery, submissionsQuery } from '../api/queries'
import { contestQuery } from '../api/contest'
import { submissionTexts } from '../i18n/submissions'
import { kibibytes, measured } from '../util/format'
import { hasRun } from '../util/outcome'
import { countsIn } from '../util/standings'
import { verdictOf } from '../util/verdict'
import { verdictPoll } from '../util/verdict-poll'
import { withoutOverrides } from '../util/visible'
import { Age } from './Age'
import { ErrorBox } from './ErrorBox'
import { RowsSkeleton } from './Skeletons'
import { ToSignIn } from './ToSignIn'
import { VerdictBadge } from './VerdictBadge'

interface SubmissionsProps {
  slug: string
  /** The contest in which the problem is shown, if it is. */
  contest: string | undefined
  /** Names of the languages by their ids. */
  names: ReadonlyMap<string, string>
  /** The submission that is shown, if one is. */
  opened: string | undefined
  onOpen: (id: string) => void
}

export function Submissions({ slug, contest, names, opened, onOpen }: SubmissionsProps) {
  const m = useMessages()
  const s = useTexts(submissionTexts)
  const of = useQuery({ ...contestQuery(contest ?? ''), enabled: contest !== undefined })
  const session = useQuery(sessionQuery)
  const isSignedIn = session.data?.user != null
  const sent = useQuery({ ...submissionsQuery(slug), enabled: isSignedIn, refetchInterval: ({ state: { data } }) => verdictPoll(data?.submissions) })
  if (!isSignedIn) return <ToSignIn text={m.submissions.signIn} className="text-muted" />
  if (sent.data === undefined) return sent.error !== null ? <ErrorBox error={sent.error} onRetry={() => void sent.refetch()} /> : <RowsSkeleton />
  const { submissions, pagination } = sent.data
  if (submissions.length === 0) {
    return (
      <div className="py-8 text-center">
        <p className="font-semibold">{m.submissions.none}</p>
        <p className="mt-1 text-muted">{m.submissions.noneDetail}</p>
      </div>
    )
  }
  return (
    <div className="@container">
      <ul aria-label={m.submissions.title} className="grid grid-cols-[minmax(0,1fr)_auto_auto] @min-[540px]:grid-cols-[minmax(0,1fr)_repeat(4,auto)] gap-x-4">
        {submissions.map((one) => {
          const code = verdictOf(one.verdict)
          const ran = hasRun(code)
          const isOpened = one.submission_id === opened
          return (
            <li
              key={one.submission_id}
              className={`relative grid grid-cols-subgrid col-span-full items-center gap-y-0.5 min-h-9 pointer-coarse:min-h-11 px-2 py-1.5 border-b border-border hover:bg-raised ${isOpened ? 'bg-raised shadow-[inset_3px_0_0_var(--accent)]' : ''}`}
            >
              <button
                type="button"
                aria-current={isOpened ? 'true' : undefined}
                onClick={() => onOpen(one.submission_id)}
                title={m.submissions.open}
                className="min-w-0 flex flex-wrap items-center gap-x-2 text-left after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
              >
                {code === undefined ? <span className="text-muted">{m.submissions.running}</span> : <VerdictBadge code={code} />}
                {of.data?.participation != null &&
                  (countsIn(of.data, one.submitted_at) ? (
                    <span title={s.inContestHint(withoutOverrides(of.data.title))} className="px-1.5 rounded-sm border border-border bg-raised text-xs whitespace-nowrap">
                      {s.inContest}
                    </span>
                  ) : (
                    <span className="text-xs text-muted">{s.outside}</span>
                  ))}
              </button>
              <span className="order-1 @min-[540px]:order-none text-muted">{names.get(one.language ?? '') ?? one.language}</span>
              <span className="order-1 @min-[540px]:order-none figure text-right">{ran && one.execution_time_ms != null && measured(one.execution_time_ms)}</span>
              <span className="order-1 @min-[540px]:order-none figure text-right">{ran && one.memory_used_kb != null && kibibytes(one.memory_used_kb)}</span>
              <Age of={one.submitted_at} className="col-span-2 @min-[540px]:col-span-1 text-sm text-muted text-right" />
            </li>
          )
        })}
      </ul>
      {pagination.total > submissions.length && (
        <p className="mt-3 px-2 text-muted">
          {s.newest(submissions.length, pagination.total)}{' '}
          <Link to="/account" search={{ view: 'submissions' }} className="text-accent-text underline">
            {s.all}
          </Link>
        </p>
      )}
    </div>
  )
}
