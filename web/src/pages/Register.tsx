// Register, then sign in with the same password.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useRef, useState, type FormEvent } from 'react'
import { api, CallError, dataOf } from '../api/client'
import type { components } from '../api/schema'
import { sessionQuery } from '../api/queries'
import { AccountPage, field } from '../components/AccountPage'
import { ErrorBox } from '../components/ErrorBox'
import { useSend } from '../hooks/useSend'
import { signInAs, useSignedIn } from '../hooks/useSignIn'
import { useTitle } from '../hooks/useTitle'
import { useMessages } from '../i18n/messages'
import { register } from '../routes'
import { Button } from '../ui/Button'
import { Field } from '../ui/Field'

type NewAccount = components['schemas']['RegisterRequest']

/** The characters of a user name, with space around it, which is removed. The browser checks them, so that all wrong fields are marked at once. */
const NAME = String.raw`\s*[A-Za-z0-9_.\-]*\s*`

const codeOf = (error: unknown): string | undefined => (error instanceof CallError ? error.code : undefined)

/** A second try after a lost response, or after a failed sign-in, signs in to the account that the first try created. */
export function Register() {
  const m = useMessages()
  useTitle(m.register.title)
  const search = register.useSearch()
  const signedIn = useSignedIn()
  const session = useQuery(sessionQuery)
  const [code, setCode] = useState('')
  // The last name and password, if their account may exist already: a response was lost, or the sign-in failed.
  const begun = useRef<string>(undefined)
  const send = useSend({
    mutationFn: async (body: NewAccount) => {
      const login = { username: body.username, password: body.password }
      const enter = () => signInAs(login)
      const enterIfOwn = () =>
        enter().catch((error: unknown) => {
          if (codeOf(error) === 'wrong-credentials') return undefined
          throw error
        })
      const key = JSON.stringify(login)
      const own = begun.current === key ? await enterIfOwn() : undefined
      if (own !== undefined) return own
      begun.current = key
      try {
        await dataOf(api.POST('/api/v1/auth/register', { body }))
      } catch (error) {
        if (error instanceof CallError && error.status > 0 && error.status < 500) begun.current = undefined
        // Perhaps this person's account, which was created before a reload.
        const same = codeOf(error) === 'taken' ? await enterIfOwn() : undefined
        if (same === undefined) throw error
        return same
      }
      return enter()
    },
    onSuccess: (state) => signedIn(state, search.then),
  })
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const login = { username: field(form, 'username').trim(), password: field(form, 'password') }
    const email = field(form, 'email').trim()
    const joinCode = code.trim()
    setChanged([])
    send.mutate(joinCode === '' ? { ...login, email } : { ...login, ...(email !== '' && { email }), join_code: joinCode })
  }
  const fields = send.error instanceof CallError ? send.error.fields : {}
  // The fields that were changed since the last request. The server's errors no longer apply to them.
  const [changed, setChanged] = useState<string[]>([])
  const fault = (name: string) => (changed.includes(name) ? undefined : fields[`/${name}`])
  const isClosed = session.data?.registration_open === false
  const isNamed = ['/username', '/email', '/password', '/join_code'].some((pointer) => pointer in fields)
  return (
    <AccountPage title={m.register.title}>
      <form onSubmit={submit} onChange={({ target }) => target instanceof HTMLInputElement && !changed.includes(target.name) && setChanged([...changed, target.name])} className="space-y-4">
        {isClosed && <p className="p-3 rounded-md bg-raised">{m.register.codeNeeded}</p>}
        <Field
          label={m.register.username}
          hint={m.register.usernameHint}
          error={fault('username')}
          name="username"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          minLength={3}
          maxLength={32}
          pattern={NAME}
          required
          autoFocus
        />
        <Field
          label={m.register.email}
          error={fault('email')}
          name="email"
          type="email"
          autoComplete="email"
          maxLength={254}
          required={code.trim() === ''}
          missing={m.register.emailMissing}
        />
        <Field
          label={m.register.password}
          hint={m.register.passwordHint}
          error={fault('password')}
          name="password"
          type="password"
          autoComplete="new-password"
          minLength={8}
          maxLength={256}
          required
        />
        <Field
          label={m.register.code}
          hint={m.register.codeHint}
          error={fault('join_code')}
          name="join_code"
          autoComplete="off"
          value={code}
          onChange={(event) => setCode(event.target.value)}
          required={isClosed}
        />
        {send.error !== null && !isNamed && <ErrorBox error={send.error} />}
        <Button type="submit" look="primary" className="w-full" disabled={send.isPending}>
          {m.register.submit}
        </Button>
      </form>
      <p className="mt-6">
        {m.register.have}{' '}
        <Link to="/sign-in" search={search} className="text-accent-text underline">
          {m.register.signIn}
        </Link>
      </p>
    </AccountPage>
  )
}
