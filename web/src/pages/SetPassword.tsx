// Sets a password with a one-time link, then signs in. The token of the link is in the fragment of the URL, so it is in no request's URL.
import { useQuery } from '@tanstack/react-query'
import { Link, useRouterState } from '@tanstack/react-router'
import type { FormEvent } from 'react'
import { api, CallError, dataOf } from '../api/client'
import { sessionQuery } from '../api/queries'
import { AccountPage, field } from '../components/AccountPage'
import { ErrorBox } from '../components/ErrorBox'
import { RowsSkeleton } from '../components/Skeletons'
import { useSend } from '../hooks/useSend'
import { signInAs, useSignedIn } from '../hooks/useSignIn'
import { useTitle } from '../hooks/useTitle'
import { useMessages, useTexts } from '../i18n/messages'
import { setPassword } from '../i18n/set-password'
import { Button } from '../ui/Button'
import { Field } from '../ui/Field'

const isRefused = (error: unknown): boolean => error instanceof CallError && error.code === 'wrong-credentials'

export function SetPassword() {
  const t = useTexts(setPassword)
  useTitle(t.title)
  // While a navigation is in progress, `location` already has the URL of the next page.
  const token = useRouterState({ select: ({ resolvedLocation, location }) => (resolvedLocation ?? location).hash })
  const account = useQuery({
    queryKey: ['link', token],
    queryFn: () => dataOf(api.POST('/api/v1/auth/password/link', { body: { token } })),
    staleTime: Infinity,
    gcTime: 0,
    enabled: token !== '',
  })
  return (
    <AccountPage title={t.title}>
      {account.data !== undefined ? (
        <Form key={token} token={token} username={account.data.username} />
      ) : token === '' || isRefused(account.error) ? (
        <Invalid text={token === '' ? t.incomplete : t.invalid} />
      ) : account.error !== null ? (
        <ErrorBox error={account.error} onRetry={() => void account.refetch()} />
      ) : (
        <RowsSkeleton />
      )}
    </AccountPage>
  )
}

function Invalid({ text }: { text: string }) {
  const m = useMessages()
  const t = useTexts(setPassword)
  const user = useQuery(sessionQuery).data?.user
  const to = user == null ? '/sign-in' : '/problems'
  return (
    <>
      <p role="alert">{text}</p>
      {user != null && <p className="mt-4">{t.signedIn(user.username)}</p>}
      <p className="mt-4">
        <Link to={to} className="text-accent-text underline">
          {user == null ? t.signIn : m.menu.problems}
        </Link>
      </p>
    </>
  )
}

function Form({ token, username }: { token: string; username: string }) {
  const m = useMessages()
  const t = useTexts(setPassword)
  const signedIn = useSignedIn()
  const send = useSend({
    mutationFn: async (password: string) => {
      const enter = () => signInAs({ username, password })
      try {
        await dataOf(api.POST('/api/v1/auth/password/reset', { body: { token, password } }))
      } catch (error) {
        if (!isRefused(error)) throw error
        // Perhaps the first try set this password, and its response was lost.
        return await enter().catch((second: unknown) => {
          throw isRefused(second) ? error : second
        })
      }
      return await enter()
    },
    onSuccess: (state) => signedIn(state),
  })
  if (isRefused(send.error)) return <Invalid text={t.invalid} />
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    send.mutate(field(new FormData(event.currentTarget), 'password'))
  }
  const refused = send.error instanceof CallError ? send.error.fields['/password'] : undefined
  return (
    <form onSubmit={submit} onChange={() => send.isError && send.reset()} className="space-y-4">
      <p className="text-muted">{t.detail}</p>
      {/* Password managers store the password under this name. */}
      <Field label={m.register.username} name="username" autoComplete="username" value={username} readOnly />
      <Field
        label={t.password}
        hint={m.register.passwordHint}
        error={refused}
        name="password"
        type="password"
        autoComplete="new-password"
        minLength={8}
        maxLength={256}
        required
        autoFocus
      />
      {send.error !== null && refused === undefined && <ErrorBox error={send.error} />}
      <Button type="submit" look="primary" className="w-full" disabled={send.isPending}>
        {t.submit}
      </Button>
    </form>
  )
}
