// The account's password and sessions, who sees which of its data, and its deletion.
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useRef, useState, type FormEvent } from 'react'
import { meQuery, sessionsQuery } from '../api/account'
import { api, CallError, dataOf, type Schema } from '../api/client'
import { removeUser } from '../api/queries'
import { useKeptFocus } from '../hooks/useKeptFocus'
import { useSend } from '../hooks/useSend'
import { account } from '../i18n/account'
import { useLanguage, useTexts } from '../i18n/messages'
import { Button } from '../ui/Button'
import { Disclosure } from '../ui/Disclosure'
import { Field } from '../ui/Field'
import { deviceOf } from '../util/device'
import { field } from './AccountPage'
import { Age } from './Age'
import { AskFirst } from './AskFirst'
import { ErrorBox } from './ErrorBox'
import { RowsSkeleton } from './Skeletons'
import { announceSession } from '../util/session-channel'
import { visible } from '../util/visible'

const isWrongPassword = (error: unknown): boolean => error instanceof CallError && error.code === 'wrong-credentials'

export function AccountSecurity({ username }: { username: string }) {
  return (
    <div className="grid grid-cols-1 gap-x-12 gap-y-10 md:grid-cols-2 items-start">
      <Password username={username} />
      <Sessions />
      <Privacy username={username} />
    </div>
  )
}

/** A hidden user name for password managers, which expect it next to the password. */
function HiddenName({ username }: { username: string }) {
  return <input type="text" name="username" autoComplete="username" value={username} readOnly hidden />
}

function Password({ username }: { username: string }) {
  const p = useTexts(account).password
  const queries = useQueryClient()
  const form = useRef<HTMLFormElement>(null)
  const send = useSend({
    mutationFn: (body: { old_password: string; password: string }) => dataOf(api.POST('/api/v1/auth/password', { body })),
    onSuccess: () => {
      form.current?.reset()
      // The page says at once that the password has changed. It does not wait for the list.
      void queries.invalidateQueries({ queryKey: sessionsQuery.queryKey })
    },
  })
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    send.mutate({ old_password: field(form, 'old_password'), password: field(form, 'password') })
  }
  const fields = send.error instanceof CallError ? send.error.fields : {}
  const isWrong = isWrongPassword(send.error)
  return (
    <section>
      <h2 className="mb-3 text-lg font-semibold">{p.title}</h2>
      <form ref={form} onSubmit={submit} onChange={() => send.isError && send.reset()} className="space-y-4 max-w-sm">
        <HiddenName username={username} />
        <Field label={p.old} error={isWrong ? p.wrong : undefined} name="old_password" type="password" autoComplete="current-password" required />
        <Field label={p.new} hint={p.hint} error={fields['/password']} name="password" type="password" autoComplete="new-password" minLength={8} maxLength={256} required />
        {send.error !== null && !isWrong && !('/password' in fields) && <ErrorBox error={send.error} />}
        <Button type="submit" disabled={send.isPending}>
          {p.submit}
        </Button>
        <p role="status" className="text-accepted">
          {send.isSuccess && p.done}
        </p>
      </form>
    </section>
  )
}

type Session = Schema['SessionView']

function Sessions() {
  const { tag } = useLanguage()
  const s = useTexts(account).sessions
  const queries = useQueryClient()
  const found = useQuery(sessionsQuery)
  const [notice, setNotice] = useState('')
  const nameOf = ({ user_agent: agent }: Session) => (agent != null ? visible(deviceOf(agent)) : s.unknown)
  const end = useSend({
    mutationFn: async (ended: Session[]) => {
      for (const { session_id } of ended) {
        await dataOf(api.DELETE('/api/v1/auth/sessions/{session_id}', { params: { path: { session_id } } })).catch((error: unknown) => {
          // The session has already ended.
          if (!(error instanceof CallError && error.status === 404)) throw error
        })
      }
    },
    onSettled: () => queries.invalidateQueries({ queryKey: sessionsQuery.queryKey }),
    onSuccess: (_, ended) => setNotice(ended.length === 1 && ended[0] !== undefined ? s.ended(nameOf(ended[0])) : s.othersEnded),
  })
  const others = found.data?.filter((one) => !one.current) ?? []
  const place = useKeptFocus(found.data?.length)
  return (
    <section ref={place} tabIndex={-1} className="outline-none">
      <h2 className="text-lg font-semibold">{s.title}</h2>
      <p className="mt-0.5 mb-2 text-muted">{s.detail}</p>
      {found.error !== null && <ErrorBox error={found.error} onRetry={() => void found.refetch()} />}
      {end.error !== null && <ErrorBox error={end.error} />}
      {found.data === undefined && found.error === null && <RowsSkeleton />}
      <ul className="border-t border-border">
        {found.data?.map((one) => {
          const device = nameOf(one)
          return (
            <li key={one.session_id} className="flex flex-wrap items-center justify-between gap-x-3 gap-y-1 py-2 min-h-13 border-b border-border">
              <div className="min-w-0 grow basis-40">
                <p className="font-medium truncate" title={one.user_agent != null ? visible(one.user_agent) : undefined}>
                  {device}
                </p>
                <p className="text-sm text-muted">
                  {/* Two sessions of the same device differ in this time. */}
                  {s.since} <time dateTime={one.created_at}>{new Date(one.created_at).toLocaleString(tag, { dateStyle: 'medium', timeStyle: 'short' })}</time>
                  {one.last_used_at != null && (
                    <>
                      {' · '}
                      {s.used} <Age of={one.last_used_at} />
                    </>
                  )}
                </p>
              </div>
              {one.current ? (
                <span className="shrink-0 text-sm text-accepted">{s.current}</span>
              ) : (
                <AskFirst text={s.end} name={s.endOne(device)} question={s.sure} yes={s.endNow} no={s.keep} isPending={end.isPending} onYes={() => end.mutate([one])} />
              )}
            </li>
          )
        })}
      </ul>
      {others.length > 1 && <AskFirst className="mt-3" text={s.endOthers} question={s.sureOthers} yes={s.endOthersNow} no={s.keep} isPending={end.isPending} onYes={() => end.mutate(others)} />}
      <p role="status" className="mt-2 text-accepted">
        {notice}
      </p>
    </section>
  )
}

function Privacy({ username }: { username: string }) {
  const p = useTexts(account).privacy
  const queries = useQueryClient()
  const navigate = useNavigate()
  const send = useSend({
    mutationFn: (password: string) => dataOf(api.POST('/api/v1/auth/delete-account', { body: { password } })),
    onSuccess: async () => {
      removeUser()
      queries.clear()
      await navigate({ to: '/problems' })
      announceSession()
    },
  })
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    send.mutate(field(new FormData(event.currentTarget), 'password'))
  }
  const isWrong = isWrongPassword(send.error)
  return (
    <section className="md:col-span-2 max-w-[68ch]">
      <h2 className="text-lg font-semibold">{p.title}</h2>
      <ul className="mt-0.5 space-y-1 text-muted">
        {p.detail.map((one) => (
          <li key={one}>{one}</li>
        ))}
      </ul>
      <InLeaderboards />
      <Disclosure title={p.deleteTitle} className="font-medium">
        <form onSubmit={submit} onChange={() => send.isError && send.reset()} className="mt-2 p-4 space-y-4 rounded-md border border-wrong">
          <p>{p.deleteDetail}</p>
          <HiddenName username={username} />
          <Field label={p.confirm} error={isWrong ? p.wrong : undefined} name="password" type="password" autoComplete="current-password" className="max-w-sm" required />
          {send.error !== null && !isWrong && <ErrorBox error={send.error} />}
          <Button type="submit" look="danger" disabled={send.isPending}>
            {p.submit}
          </Button>
        </form>
      </Disclosure>
    </section>
  )
}

/** Whether leaderboards show the user. The setting is saved at once. */
function InLeaderboards() {
  const p = useTexts(account).privacy
  const queries = useQueryClient()
  const me = useQuery(meQuery)
  const send = useSend({
    mutationFn: (in_leaderboards: boolean) => dataOf(api.PATCH('/api/v1/auth/me', { body: { in_leaderboards } })),
    onSuccess: (changed) => queries.setQueryData(meQuery.queryKey, changed),
  })
  if (me.data === undefined) return me.error === null ? null : <ErrorBox error={me.error} onRetry={() => void me.refetch()} />
  const isIn = send.isPending ? send.variables : me.data.in_leaderboards
  return (
    <div className="my-3">
      <label className="flex items-center gap-x-2 min-h-7 pointer-coarse:min-h-11">
        <input
          type="checkbox"
          checked={!isIn}
          onChange={({ target }) => !send.isPending && send.mutate(!target.checked)}
          aria-describedby="leaderboards-hint"
          className="size-4 shrink-0 accent-(--accent)"
        />
        <span className="min-w-0">{p.hide}</span>
      </label>
      <p id="leaderboards-hint" className="text-sm text-muted">
        {p.hideDetail}
      </p>
      {send.error !== null && <ErrorBox error={send.error} />}
      <p role="status" className="text-accepted">
        {send.isSuccess && (send.data.in_leaderboards ? p.shown : p.hidden)}
      </p>
    </div>
  )
}
