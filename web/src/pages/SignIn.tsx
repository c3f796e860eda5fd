// Sign in: the server sets a cookie that scripts cannot read.
import { Link } from '@tanstack/react-router'
import type { FormEvent } from 'react'
import { CallError } from '../api/client'
import { AccountPage, field } from '../components/AccountPage'
import { ErrorBox } from '../components/ErrorBox'
import { useSend } from '../hooks/useSend'
import { signInAs, useSignedIn } from '../hooks/useSignIn'
import { useTitle } from '../hooks/useTitle'
import { useTexts } from '../i18n/messages'
import { signInTexts } from '../i18n/sign-in'
import { signIn } from '../routes'
import { Button } from '../ui/Button'
import { Field } from '../ui/Field'

export function SignIn() {
  const t = useTexts(signInTexts)
  useTitle(t.title)
  const search = signIn.useSearch()
  const signedIn = useSignedIn()
  const send = useSend({ mutationFn: signInAs, onSuccess: (state) => signedIn(state, search.then) })
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    send.mutate({ username: field(form, 'username').trim(), password: field(form, 'password') })
  }
  const isWrong = send.error instanceof CallError && send.error.code === 'wrong-credentials'
  return (
    <AccountPage title={t.title}>
      <form onSubmit={submit} className="space-y-4">
        <Field label={t.login} name="username" autoComplete="username" autoCapitalize="none" spellCheck={false} required autoFocus />
        <Field label={t.password} name="password" type="password" autoComplete="current-password" required />
        {isWrong && (
          <p role="alert" className="text-wrong">
            {t.wrong}
          </p>
        )}
        {send.error !== null && !isWrong && <ErrorBox error={send.error} />}
        <Button type="submit" look="primary" className="w-full" disabled={send.isPending}>
          {t.submit}
        </Button>
      </form>
      <p className="mt-6">
        {t.new}{' '}
        <Link to="/register" search={search} className="text-accent-text underline">
          {t.register}
        </Link>
      </p>
      <p className="mt-2 text-sm text-muted">{t.forgotten}</p>
    </AccountPage>
  )
}
