// The signed-in user's submissions to a problem, newest first.
import { useQuery } from '@tanstack/react-query'
import { useLanguage } from '../i18n/messages'
import { sessionQuery, submissionsQuery } from '../api/queries'
import { kibibytes, milliseconds, ago } from '../util/format'
import { verdictOf } from '../util/verdict'
import { ErrorBox } from './ErrorBox'
import { RowsSkeleton } from './Skeletons'
import { VerdictBadge } from './VerdictBadge'

export function Submissions({ slug, names, onOpen }: { slug: string; names: ReadonlyMap<string, string>; onOpen: (id: string) => void }) {
  const { messages: m, tag } = useLanguage()
  const session = useQuery(sessionQuery)
  const isSignedIn = session.data?.user != null
  const sent = useQuery({ ...submissionsQuery(slug), enabled: isSignedIn })
  if (!isSignedIn) return <p className="text-muted">{m.submissions.signIn}</p>
  if (sent.error !== null) return <ErrorBox error={sent.error} onRetry={() => void sent.refetch()} />
  if (sent.data === undefined) return <RowsSkeleton />
  const { submissions } = sent.data
  if (submissions.length === 0) {
    return (
      <div className="py-8 text-center">
        <p className="font-semibold">{m.submissions.none}</p>
        <p className="mt-1 text-muted">{m.submissions.noneDetail}</p>
      </div>
    )
  }
  const now = Date.now()
  return (
    <ul aria-label={m.submissions.title}>
      {submissions.map((one) => {
        const code = verdictOf(one.verdict)
        return (
          <li key={one.submission_id} className="relative flex flex-wrap items-center gap-x-4 gap-y-0.5 min-h-9 px-2 py-1.5 border-b border-border hover:bg-raised">
            <button
              type="button"
              onClick={() => onOpen(one.submission_id)}
              title={m.submissions.open}
              className="grow min-w-40 text-left after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
            >
              {code === undefined ? <span className="text-muted">{m.submissions.running}</span> : <VerdictBadge code={code} />}
            </button>
            <span className="text-muted">{names.get(one.language ?? '') ?? one.language}</span>
            {one.execution_time_ms != null && <span className="figure">{milliseconds(one.execution_time_ms)}</span>}
            {one.memory_used_kb != null && <span className="figure">{kibibytes(one.memory_used_kb)}</span>}
            <time dateTime={one.submitted_at} title={new Date(one.submitted_at).toLocaleString(tag)} className="text-sm text-muted sm:min-w-28 text-right">
              {ago(one.submitted_at, now, tag)}
            </time>
          </li>
        )
      })}
    </ul>
  )
}
