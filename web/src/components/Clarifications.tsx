// Questions to the organizers, their answers, and announcements. Screen readers announce new entries.
//
// Organizers see unanswered questions first, and answer them here.
import { Megaphone, MessageCircleQuestion } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import type { Schema } from '../api/client'
import { CLARIFICATION_PAGES_MAX, CLARIFICATIONS_PAGE } from '../api/contests'
import type { Questions } from '../hooks/useClarifications'
import { useKeptFocus } from '../hooks/useKeptFocus'
import { useLanguage, useMessages, useTexts } from '../i18n/messages'
import { organizers } from '../i18n/organizers'
import { questionTexts } from '../i18n/questions'
import { Button } from '../ui/Button'
import { count } from '../util/format'
import { isNews, newsKey, newSince, waitingFirst, type Entry as EntryView } from '../util/news'
import { isRunning } from '../util/standings'
import { visible } from '../util/visible'
import { Age } from './Age'
import { Announce, Answer, Ask } from './AskForms'
import { ErrorBox } from './ErrorBox'
import { LinkedHtml, LinkedText } from './LinkedText'

/** Number of entries shown at first, and number of entries that each press of the button adds. */
const SHOWN = 100

interface Props {
  contest: Schema['ContestView']
  user: string | undefined
  questions: Questions
}

export function Clarifications({ contest, user, questions }: Props) {
  const m = useMessages()
  const o = useTexts(organizers)
  const q = useTexts(questionTexts)
  const isOrganizer = contest.may_change
  // After the end of the contest, no more questions are taken, except from virtual participants, whose time has not ended.
  const isClosed = contest.phase === 'over' && !isRunning(contest)
  const canAsk = contest.participation != null && !isClosed
  const form = useRef<HTMLDivElement>(null)
  const toForm = () => {
    form.current?.scrollIntoView()
    // The first field, so that a person with a keyboard is there, too.
    form.current?.querySelector('select')?.focus({ preventScroll: true })
  }
  return (
    <div className="grid grid-cols-1 gap-x-8 gap-y-6 lg:grid-cols-[1fr_360px]">
      {/* Answers and announcements come first. The form is below them on phones, where a button leads to it. */}
      <div className="min-w-0">
        {canAsk && (questions.entries?.length ?? 0) > 2 && (
          <Button className="mb-3 lg:hidden" onClick={toForm}>
            {q.ask}
          </Button>
        )}
        {questions.error !== null && <ErrorBox error={questions.error} onRetry={questions.retry} />}
        {questions.entries === undefined && questions.error === null && <p role="status">{m.loading}</p>}
        {questions.entries !== undefined && <List contest={contest} user={user} questions={questions} entries={questions.entries} />}
      </div>
      <div ref={form} className="min-w-0 space-y-6">
        {isOrganizer && <Announce contest={contest} user={user} />}
        {canAsk && <Ask contest={contest} user={user} answered={questions.entries?.filter(({ answered_at: at }) => at != null).length ?? 0} />}
        {isClosed && !isOrganizer && <p className="text-muted">{o.closed}</p>}
        {!isClosed && contest.participation == null && !isOrganizer && <p className="text-muted">{q.askLater}</p>}
      </div>
    </div>
  )
}

function List({ contest, user, questions, entries }: Props & { entries: EntryView[] }) {
  const { tag } = useLanguage()
  const o = useTexts(organizers)
  const q = useTexts(questionTexts)
  const isOrganizer = contest.may_change
  // Entries that were new when this page was opened stay marked while the page is open.
  const [readBefore] = useState(questions.read)
  const [shown, setShown] = useState(SHOWN)
  const [notice, setNotice] = useState('')
  const { markRead } = questions
  useEffect(() => {
    const mark = () => {
      if (document.visibilityState === 'visible') markRead(entries)
    }
    mark()
    document.addEventListener('visibilitychange', mark)
    return () => document.removeEventListener('visibilitychange', mark)
  }, [entries, markRead])
  const all = isOrganizer ? waitingFirst(entries) : entries
  const more = () => {
    if (shown + SHOWN > all.length && questions.hasMore) questions.loadMore()
    setShown(shown + SHOWN)
  }
  const hasOlder = all.length > shown || questions.hasMore
  const place = useKeptFocus(hasOlder || undefined)
  const most = CLARIFICATIONS_PAGE * CLARIFICATION_PAGES_MAX
  return (
    <>
      {isOrganizer && (
        <p role="status" className="mb-3 font-semibold">
          {questions.news === 0 ? o.noneWaiting : o.waiting(questions.news)}
          {notice !== '' && <span className="ml-3 font-normal text-muted">{notice}</span>}
        </p>
      )}
      {/* Changes in the organizers' forms must not be announced. */}
      <div {...(!isOrganizer && { 'aria-live': 'polite' })}>
        {all.length === 0 && (
          <div className="py-10 text-center">
            <p className="font-semibold">{isOrganizer ? o.none : q.noQuestions}</p>
            <p className="mt-1 text-muted">{isOrganizer ? o.noneDetail : q.noQuestionsDetail}</p>
          </div>
        )}
        {all.slice(0, shown).map((entry) => (
          <Entry
            key={entry.clarification_id}
            entry={entry}
            isNew={!isOrganizer && isNews(entry, newSince(contest.participation)) && !readBefore.has(newsKey(entry))}
            answering={isOrganizer ? { slug: contest.slug, user, onSent: setNotice } : undefined}
          />
        ))}
      </div>
      <div ref={place} tabIndex={-1} className="outline-none">
        {hasOlder && <Button onClick={more}>{o.older}</Button>}
        {entries.length >= most && shown >= all.length && <p className="text-sm text-muted">{o.onlyNewest(count(most, tag))}</p>}
      </div>
    </>
  )
}

/** Without a change, the time of the answer of an announcement is the time of the announcement. */
const wasChanged = ({ asked_at: from, answered_at: at }: EntryView): boolean => at != null && Date.parse(at) > Date.parse(from)

interface EntryProps {
  entry: EntryView
  isNew: boolean
  /** Set for organizers only. */
  answering: { slug: string; user: string | undefined; onSent: (notice: string) => void } | undefined
}

function Entry({ entry, isNew, answering }: EntryProps) {
  const { messages: m } = useLanguage()
  const o = useTexts(organizers)
  const q = useTexts(questionTexts)
  const c = m.contests
  const place = useRef<HTMLElement>(null)
  const isAnnouncement = entry.kind === 'announcement'
  const Glyph = isAnnouncement ? Megaphone : MessageCircleQuestion
  const asker = answering !== undefined ? entry.asked_by : undefined
  const title = isAnnouncement ? q.announcement : asker != null ? o.questionOf(visible(asker)) : entry.own ? q.ownQuestion : q.publicQuestion
  return (
    <article ref={place} tabIndex={-1} aria-label={title} className="mb-3 p-3 rounded-md border border-border bg-surface">
      <p className="flex flex-wrap items-center gap-x-2 text-sm text-muted">
        <Glyph aria-hidden size={16} strokeWidth={1.5} className={isAnnouncement ? 'text-accent-text' : ''} />
        <span className="min-w-0 break-words font-medium text-text">{title}</span>
        {entry.problem != null && <span>{c.problemLabel(entry.problem)}</span>}
        <Age isSilent of={entry.asked_at} />
        {asker != null && !isAnnouncement && entry.answer != null && <span>{entry.public ? o.seenByAll : o.seenByAsker(visible(asker))}</span>}
        {isNew && <span className="px-1.5 rounded-sm bg-accent text-on-accent text-xs font-semibold leading-[1.667]">{o.new}</span>}
      </p>
      {!isAnnouncement && <p className="mt-1.5 whitespace-pre-wrap break-words">{visible(entry.question)}</p>}
      {entry.answer != null ? (
        <div className={`mt-1.5 break-words ${isAnnouncement ? '' : 'pl-3 border-l-2 border-accent'}`}>
          {!isAnnouncement && <span className="sr-only">{m.heading(q.answer)}</span>}
          {entry.answer_html != null ? <LinkedHtml html={entry.answer_html} /> : <LinkedText text={entry.answer} />}
          {(!isAnnouncement || wasChanged(entry)) && entry.answered_at != null && (
            <span aria-hidden className="block text-sm text-muted">
              {isAnnouncement ? o.changedAt : q.answer} <Age of={entry.answered_at} />
            </span>
          )}
        </div>
      ) : (
        <p className="mt-1.5 text-sm text-muted">{q.unanswered}</p>
      )}
      {answering !== undefined && (
        <Answer
          slug={answering.slug}
          user={answering.user}
          entry={entry}
          onSent={(notice) => {
            // The form is removed. A user who has gone on meanwhile keeps the focus.
            const focused = document.activeElement
            if (focused === document.body || place.current?.contains(focused)) place.current?.focus()
            answering.onSent(notice)
          }}
        />
      )}
    </article>
  )
}

