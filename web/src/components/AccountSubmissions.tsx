// The user's submissions to all problems, newest first. Each leads to its result.
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ownSubmissionsQuery, titlesQuery } from '../api/account'
import type { Schema } from '../api/client'
import { languagesQuery } from '../api/queries'
import { useAccountPage } from '../hooks/useAccountPage'
import { useLastPage } from '../hooks/useLastPage'
import { useMessages, useTexts } from '../i18n/messages'
import { submissionTexts } from '../i18n/submissions'
import { buttonClass } from '../ui/Button'
import { kibibytes, measured } from '../util/format'
import { languageName } from '../util/language'
import { hasRun } from '../util/outcome'
import { verdictOf } from '../util/verdict'
import { verdictPoll } from '../util/verdict-poll'
import { withoutOverrides } from '../util/visible'
import { Age } from './Age'
import { ErrorBox } from './ErrorBox'
import { Pager } from './Pager'
import { RowsSkeleton } from './Skeletons'
import { VerdictBadge } from './VerdictBadge'

const COLUMNS = 'grid gap-x-4 grid-cols-[minmax(0,1fr)_auto_auto] md:grid-cols-[minmax(0,1fr)_repeat(5,auto)]'
const ROW = 'grid grid-cols-subgrid col-span-full items-center gap-y-0.5 px-2'

export function AccountSubmissions() {
  const m = useMessages()
  const s = useTexts(submissionTexts)
  const [page, setPage] = useAccountPage()
  const found = useQuery({ ...ownSubmissionsQuery(page), placeholderData: keepPreviousData, refetchInterval: ({ state: { data } }) => verdictPoll(data?.submissions) })
  const isAfterLast = useLastPage(found, (last) => setPage(last, true))
  const titles = useQuery(titlesQuery)
  const languages = useQuery(languagesQuery)
  if (found.data === undefined) return found.error !== null ? <ErrorBox error={found.error} onRetry={() => void found.refetch()} /> : <RowsSkeleton />
  if (isAfterLast) return <RowsSkeleton />
  const { submissions, pagination } = found.data
  const pages = Math.max(1, Math.ceil((pagination.total ?? 0) / pagination.limit))
  if (submissions.length === 0 && page === 1) {
    return (
      <div className="py-10 text-center">
        <p className="text-lg font-semibold">{s.none}</p>
        <p className="mt-1 text-muted">{s.noneDetail}</p>
        <Link to="/problems" className={`${buttonClass('primary')} mt-4`}>
          {s.begin}
        </Link>
      </div>
    )
  }
  const { columns } = s
  return (
    <section aria-label={m.submissions.title}>
      <div className={COLUMNS}>
        <div aria-hidden className={`${ROW} h-8 text-xs text-muted border-b border-border max-md:hidden`}>
          <span>{columns.problem}</span>
          <span>{columns.verdict}</span>
          <span>{columns.language}</span>
          <span className="text-right">{columns.time}</span>
          <span className="text-right">{columns.memory}</span>
          <span className="text-right">{columns.when}</span>
        </div>
        <ul aria-busy={found.isPlaceholderData} className={`grid grid-cols-subgrid col-span-full ${found.isPlaceholderData ? 'opacity-60' : ''}`}>
          {submissions.map((one) => {
            const language = languages.data?.languages.find(({ language_id }) => language_id === one.language)
            return <Line key={one.submission_id} of={one} title={titles.data?.get(one.problem ?? '') ?? one.problem ?? ''} language={language === undefined ? (one.language ?? '') : languageName(language)} />
          })}
        </ul>
      </div>
      <Pager label={s.pages} page={page} pages={pages} onPage={setPage} />
    </section>
  )
}

function Line({ of: one, title, language }: { of: Schema['SummaryView']; title: string; language: string }) {
  const m = useMessages()
  const code = verdictOf(one.verdict)
  const ran = hasRun(code)
  return (
    <li className={`${ROW} relative min-h-9 pointer-coarse:min-h-11 py-1.5 border-b border-border hover:bg-raised`}>
      {one.problem == null ? (
        <span className="text-muted">–</span>
      ) : (
        <Link
          to="/problems/$slug"
          params={{ slug: one.problem }}
          search={{ submission: one.submission_id }}
          className="min-w-0 font-medium break-words after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
        >
          {withoutOverrides(title)}
        </Link>
      )}
      <span className="max-md:col-span-2 max-md:justify-self-end">{code === undefined ? <span className="text-muted">{m.submissions.running}</span> : <VerdictBadge code={code} />}</span>
      <span className="text-muted max-md:text-sm">
        {language}
        <span className="md:hidden">
          {' · '}
          <Age of={one.submitted_at} />
        </span>
      </span>
      <span className="figure text-right">{ran && one.execution_time_ms != null && measured(one.execution_time_ms)}</span>
      <span className="figure text-right">{ran && one.memory_used_kb != null && kibibytes(one.memory_used_kb)}</span>
      <span className="text-sm text-muted text-right max-md:hidden">
        <Age of={one.submitted_at} />
      </span>
    </li>
  )
}
