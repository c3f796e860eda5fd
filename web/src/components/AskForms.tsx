// Forms for questions about a contest and for the organizers' answers and announcements. Text that was typed but not
// sent is kept in this tab, with its subject and its audience.
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useId, useRef, useState, type FormEvent, type ReactNode } from 'react'
import { flushSync } from 'react-dom'
import { api, dataOf, type Schema } from '../api/client'
import { useSend } from '../hooks/useSend'
import { useSending } from '../hooks/useSending'
import { clearTyped, hasTyped, useTyped, useTypedChoice } from '../hooks/useTyped'
import { fields } from '../i18n/fields'
import { useMessages, useTexts } from '../i18n/messages'
import { organizers } from '../i18n/organizers'
import { questionTexts } from '../i18n/questions'
import { contest as route } from '../routes'
import { Button } from '../ui/Button'
import { isTooLong } from '../ui/Field'
import { Select } from '../ui/Select'
import type { Entry } from '../util/news'
import { withoutOverrides } from '../util/visible'
import { ErrorBox } from './ErrorBox'

/** Source: the server's bound on a question, an answer and an announcement. */
const TEXT_MAX = 10_000

/** Sends a text and adds it to the list at once, without waiting for the next poll. `key`: where the text is stored until it is sent. */
function useSent(slug: string, key: string, send: () => Promise<unknown>) {
  const queries = useQueryClient()
  const { mutate } = useSend({
    mutationKey: [key],
    mutationFn: send,
    onSuccess: () => {
      clearTyped(key)
      void queries.invalidateQueries({ queryKey: ['clarifications', slug] })
    },
  })
  return { ...useSending(key), mutate }
}

type Sending = ReturnType<typeof useSent>

interface FormProps {
  send: Sending
  label: string
  text: string
  onText: (text: string) => void
  submit: string
  isFocused?: boolean
  before?: ReactNode
  after?: ReactNode
  buttons?: ReactNode
}

function TextForm({ send, label, text, onText, submit, isFocused = false, before, after, buttons }: FormProps) {
  const t = useTexts(fields)
  const id = useId()
  const isLong = isTooLong(text.trim(), TEXT_MAX)
  const onSubmit = (event: FormEvent) => {
    event.preventDefault()
    send.mutate()
  }
  return (
    <form onSubmit={onSubmit} className="space-y-3 min-w-0">
      {before}
      <div>
        <label htmlFor={id} className="block mb-1 font-medium">
          {label}
        </label>
        <textarea
          id={id}
          value={text}
          aria-invalid={isLong}
          {...(isLong && { 'aria-describedby': `${id}-error` })}
          rows={4}
          required
          readOnly={send.isPending}
          autoFocus={isFocused}
          onChange={(event) => onText(event.target.value)}
          className="w-full px-2.5 py-1.5 rounded-md border border-strong aria-invalid:border-wrong bg-surface"
        />
        {isLong && (
          <p id={`${id}-error`} role="alert" className="mt-1 text-wrong text-sm">
            {t.long(TEXT_MAX)}
          </p>
        )}
      </div>
      {after}
      {send.error !== null && <ErrorBox error={send.error} />}
      <div className="flex flex-wrap gap-2">
        <Button type="submit" look="primary" disabled={send.isPending || text.trim() === '' || isLong}>
          {submit}
        </Button>
        {buttons}
      </div>
    </form>
  )
}

/** Selects the subject of the text: the whole contest or one of its problems. */
function About({ contest, value, onChange }: { contest: Schema['ContestView']; value: string; onChange: (value: string) => void }) {
  const q = useTexts(questionTexts)
  const subjects = [{ value: '', text: q.wholeContest }, ...(contest.problems ?? []).map(({ label, title }) => ({ value: label, text: `${label}. ${withoutOverrides(title)}` }))]
  return <Select label={q.about} value={value} options={subjects} onChange={onChange} className="w-full" />
}

interface NewProps {
  contest: Schema['ContestView']
  user: string | undefined
}

/** Form for a participant's question. `answered`: the number of answers. A new one is shown in place of the notice that the question was sent. */
export function Ask({ contest, user, answered }: NewProps & { answered: number }) {
  const q = useTexts(questionTexts)
  const { slug } = contest
  const { about } = route.useSearch()
  const key = `cupel.question.${user ?? ''}/${slug}`
  const [problem, setProblem] = useTypedChoice(key, 'about', contest.problems?.find((one) => one.slug === about)?.label ?? '')
  const [text, setText] = useTyped(key)
  const ask = () =>
    dataOf(api.POST('/api/v1/contests/{slug}/clarifications', { params: { path: { slug } }, body: { question: text.trim(), ...(problem !== '' && { problem }) } }))
  const send = useSent(slug, key, ask)
  useEffect(() => {
    // An error stays, because the question was not sent.
    if (send.isSuccess) send.forget()
  }, [answered])
  return (
    <section className="space-y-3">
      <h2 className="text-lg font-semibold">{q.ask}</h2>
      <TextForm send={send} label={q.question} text={text} onText={setText} submit={q.send} before={<About contest={contest} value={problem} onChange={setProblem} />} />
      <p role="status" className="text-sm text-muted">
        {send.isSuccess && text === '' && q.sent}
      </p>
    </section>
  )
}

/** Form for an organizer's announcement. */
export function Announce({ contest, user }: NewProps) {
  const o = useTexts(organizers)
  const { slug } = contest
  const key = `cupel.announcement.${user ?? ''}/${slug}`
  const [problem, setProblem] = useTypedChoice(key, 'about', '')
  const [text, setText] = useTyped(key)
  const announce = () =>
    dataOf(api.POST('/api/v1/contests/{slug}/announcements', { params: { path: { slug } }, body: { text: text.trim(), ...(problem !== '' && { problem }) } }))
  const send = useSent(slug, key, announce)
  return (
    <section className="space-y-3">
      <h2 className="text-lg font-semibold">{o.announce}</h2>
      <TextForm
        send={send}
        label={o.textLabel}
        text={text}
        onText={setText}
        submit={o.publish}
        before={<About contest={contest} value={problem} onChange={setProblem} />}
        after={<p className="text-sm text-muted">{o.announceHint}</p>}
      />
      <p role="status" className="text-sm text-muted">
        {send.isSuccess && text === '' && o.published}
      </p>
    </section>
  )
}

interface AnswerProps {
  slug: string
  entry: Entry
  user: string | undefined
  /** Called with the message that screen readers announce. */
  onSent: (notice: string) => void
}

/** A button that opens a form: for the answer to a question, or for a change of an answer or announcement. */
export function Answer({ slug, entry, user, onSent }: AnswerProps) {
  const o = useTexts(organizers)
  const key = `cupel.answer.${user ?? ''}/${slug}/${entry.clarification_id}`
  const [isOpen, setIsOpen] = useState(() => hasTyped(key))
  // The entry at the time when the form was opened on this page.
  const [opened, setOpened] = useState(entry)
  const isFirst = entry.answer == null
  const button = useRef<HTMLButtonElement>(null)
  const { isSuccess, forget } = useSending(key)
  useEffect(() => {
    if (!isSuccess) return
    setIsOpen(false)
    onSent(opened.answer == null ? o.sent : o.saved)
  }, [isSuccess])
  if (!isOpen) {
    const open = () => {
      setOpened(entry)
      setIsOpen(true)
    }
    return (
      <Button ref={button} className="mt-2" onClick={open} aria-label={isFirst ? o.answerTo(entry.asked_by ?? '') : undefined}>
        {isFirst ? o.answer : entry.kind === 'announcement' ? o.changeText : o.changeAnswer}
      </Button>
    )
  }
  return (
    <AnswerForm
      slug={slug}
      entry={entry}
      opened={opened}
      storage={key}
      onCancel={() => {
        forget()
        flushSync(() => setIsOpen(false))
        button.current?.focus()
      }}
    />
  )
}

interface AnswerFormProps {
  slug: string
  entry: Entry
  /** The entry at the time when the form was opened. */
  opened: Entry
  /** Storage key of the typed text. */
  storage: string
  onCancel: () => void
}

function AnswerForm({ slug, entry, opened, storage, onCancel }: AnswerFormProps) {
  const m = useMessages()
  const o = useTexts(organizers)
  const name = useId()
  const before = opened.answer ?? ''
  const [text, setText] = useTyped(storage, before)
  const [audience, setAudience] = useTypedChoice(storage, 'audience', opened.answer != null && opened.public ? 'all' : 'asker')
  const isPublic = audience === 'all'
  /** Time of the answer that the user saw before writing. */
  const [answeredAt] = useTypedChoice(storage, 'answered', opened.answered_at ?? '')
  const isAnnouncement = entry.kind === 'announcement'
  const answer = () =>
    dataOf(
      api.PATCH('/api/v1/contests/{slug}/clarifications/{clarification_id}', {
        params: { path: { slug, clarification_id: entry.clarification_id } },
        body: { answer: text.trim(), public: isAnnouncement || isPublic },
      }),
    )
  const send = useSent(slug, storage, answer)
  const choice = (isForAll: boolean, words: string) => (
    <label className="flex items-center gap-2 min-h-6 pointer-coarse:min-h-11">
      <input type="radio" name={name} checked={isPublic === isForAll} onChange={() => setAudience(isForAll ? 'all' : 'asker')} className="accent-accent-text size-4" />
      {words}
    </label>
  )
  const audienceField = !isAnnouncement && (
    <fieldset>
      <legend className="mb-1 font-medium">{o.audience}</legend>
      {choice(false, o.toAsker(entry.asked_by ?? ''))}
      {choice(true, o.toAll)}
    </fieldset>
  )
  const hasChanged = (entry.answered_at ?? '') !== answeredAt
  return (
    <div className="mt-3 pt-3 border-t border-border">
      <TextForm
        send={send}
        label={isAnnouncement ? o.textLabel : o.answerLabel}
        text={text}
        onText={setText}
        submit={opened.answer == null ? o.send : o.save}
        isFocused
        before={
          hasChanged && (
            <p role="status" className="p-2 rounded-md bg-raised">
              {o.answeredMeanwhile}
            </p>
          )
        }
        after={
          <>
            <p className="text-sm text-muted">{isAnnouncement ? o.announceHint : o.markdown}</p>
            {audienceField}
          </>
        }
        buttons={
          <Button
            onClick={() => {
              setText(before)
              onCancel()
            }}
          >
            {m.cancel}
          </Button>
        }
      />
    </div>
  )
}
