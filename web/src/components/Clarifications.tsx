// Questions to the organizers, their answers, and announcements. New ones are announced to screen readers.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Megaphone, MessageCircleQuestion } from 'lucide-react'
import { useId, useState, type FormEvent } from 'react'
import { api, dataOf, type Schema } from '../api/client'
import { clarificationsQuery, CLARIFICATIONS_POLL_MS } from '../api/contests'
import { useServerNow } from '../hooks/useServerNow'
import { useLanguage, useMessages } from '../i18n/messages'
import { Button } from '../ui/Button'
import { Select } from '../ui/Select'
import { ago } from '../util/format'
import { visible } from '../util/visible'
import { ErrorBox } from './ErrorBox'

/** Source: the server's bound on a question. */
const QUESTION_MAX = 10_000

export function Clarifications({ contest, polls }: { contest: Schema['ContestView']; polls: boolean }) {
  const m = useMessages()
  const found = useQuery({ ...clarificationsQuery(contest.slug), refetchInterval: polls ? CLARIFICATIONS_POLL_MS : false })
  const entries = found.data?.clarifications
  return (
    <div className="grid gap-x-8 gap-y-6 lg:grid-cols-[1fr_360px]">
      <div className="min-w-0 max-lg:order-2">
        {found.error !== null && <ErrorBox error={found.error} onRetry={() => void found.refetch()} />}
        {entries === undefined && found.error === null && <p role="status">{m.loading}</p>}
        <div aria-live="polite">
          {entries?.length === 0 && (
            <div className="py-10 text-center">
              <p className="font-semibold">{m.contests.noQuestions}</p>
              <p className="mt-1 text-muted">{m.contests.noQuestionsDetail}</p>
            </div>
          )}
          {entries?.map((entry) => (
            <Entry key={entry.clarification_id} entry={entry} />
          ))}
        </div>
      </div>
      {contest.participation == null ? <p className="text-muted max-lg:order-1">{m.contests.askLater}</p> : <Ask contest={contest} />}
    </div>
  )
}

function Entry({ entry }: { entry: Schema['ClarificationView'] }) {
  const { messages: m, tag } = useLanguage()
  const now = useServerNow()
  const c = m.contests
  const isAnnouncement = entry.kind === 'announcement'
  const Glyph = isAnnouncement ? Megaphone : MessageCircleQuestion
  const time = entry.answered_at ?? entry.asked_at
  return (
    <article className="mb-3 p-3 rounded-md border border-border bg-surface">
      <p className="flex flex-wrap items-center gap-x-2 text-sm text-muted">
        <Glyph aria-hidden size={16} strokeWidth={1.5} className={isAnnouncement ? 'text-accent-text' : ''} />
        <span className="font-medium text-text">{isAnnouncement ? c.announcement : entry.own ? c.ownQuestion : c.publicQuestion}</span>
        {entry.problem != null && <span>{c.problemLabel(entry.problem)}</span>}
        {/* The text changes by itself, which is no news. */}
        <time aria-hidden dateTime={time} title={new Date(time).toLocaleString(tag)}>
          {ago(time, now, tag)}
        </time>
      </p>
      {!isAnnouncement && <p className="mt-1.5 whitespace-pre-wrap break-words">{visible(entry.question)}</p>}
      {entry.answer != null ? (
        <p className={`mt-1.5 whitespace-pre-wrap break-words ${isAnnouncement ? '' : 'pl-3 border-l-2 border-accent'}`}>
          {!isAnnouncement && <span className="sr-only">{c.answer}: </span>}
          {visible(entry.answer)}
        </p>
      ) : (
        <p className="mt-1.5 text-sm text-muted">{c.unanswered}</p>
      )}
    </article>
  )
}

function Ask({ contest }: { contest: Schema['ContestView'] }) {
  const m = useMessages()
  const c = m.contests
  const id = useId()
  const queries = useQueryClient()
  const [problem, setProblem] = useState('')
  const [question, setQuestion] = useState('')
  const send = useMutation({
    mutationFn: () =>
      dataOf(
        api.POST('/api/v1/contests/{slug}/clarifications', {
          params: { path: { slug: contest.slug } },
          body: { question: question.trim(), ...(problem !== '' && { problem }) },
        }),
      ),
    onSuccess: () => {
      setQuestion('')
      void queries.invalidateQueries({ queryKey: ['clarifications', contest.slug] })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    send.mutate()
  }
  const subjects = [{ value: '', text: c.wholeContest }, ...(contest.problems ?? []).map(({ label, title }) => ({ value: label, text: `${label}. ${title}` }))]
  return (
    <form onSubmit={submit} className="max-lg:order-1 space-y-3 self-start min-w-0">
      <h2 className="text-lg font-semibold">{c.ask}</h2>
      <Select label={c.about} value={problem} options={subjects} onChange={setProblem} className="w-full" />
      <div>
        <label htmlFor={id} className="block mb-1 font-medium">
          {c.question}
        </label>
        <textarea
          id={id}
          value={question}
          maxLength={QUESTION_MAX}
          rows={4}
          required
          onChange={(event) => setQuestion(event.target.value)}
          className="w-full px-2.5 py-1.5 rounded-md border border-strong bg-surface"
        />
      </div>
      {send.error !== null && <ErrorBox error={send.error} />}
      <Button type="submit" look="primary" disabled={send.isPending || question.trim() === ''}>
        {c.send}
      </Button>
      <p role="status" className="text-sm text-muted">
        {send.isSuccess && question === '' && c.sent}
      </p>
    </form>
  )
}
