// The page of a contest that the user cannot see.
import { Link } from '@tanstack/react-router'
import type { FormEvent } from 'react'
import { CallError } from '../api/client'
import { joinTexts } from '../i18n/join-by-code'
import { useMessages, useTexts } from '../i18n/messages'
import { Button, buttonClass } from '../ui/Button'
import { Field } from '../ui/Field'
import { AccountPage, field } from './AccountPage'
import { ErrorBox } from './ErrorBox'
import { useChanges } from './TakePart'

/** Form for joining a contest that the user cannot see. Users with the join code can join it. */
export function JoinByCode({ slug, isSignedIn }: { slug: string; isSignedIn: boolean }) {
  const { contests: c } = useMessages()
  const t = useTexts(joinTexts)
  const { join } = useChanges(slug, false)
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    join.mutate({ kind: 'official', code: field(new FormData(event.currentTarget), 'code').trim() })
  }
  const isWrong = join.error instanceof CallError && join.error.status === 404
  return (
    <AccountPage title={t.notPublic}>
      <p>{t.notPublicDetail}</p>
      {isSignedIn ? (
        <form onSubmit={submit} className="mt-4 space-y-4">
          <Field label={c.code} name="code" autoComplete="off" autoCapitalize="characters" spellCheck={false} maxLength={64} required />
          {isWrong && (
            <p role="alert" className="text-wrong">
              {t.codeWrong}
            </p>
          )}
          {join.error !== null && !isWrong && <ErrorBox error={join.error} />}
          <Button type="submit" look="primary" className="w-full" disabled={join.isPending}>
            {c.codeSubmit}
          </Button>
        </form>
      ) : (
        <Link to="/sign-in" search={{ then: `/contests/${slug}` }} className={`${buttonClass('primary')} mt-4`}>
          {c.signInToJoin}
        </Link>
      )}
    </AccountPage>
  )
}
