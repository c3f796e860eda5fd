// Says that the language of the editor cannot run now, and why. The server is asked again every half minute, and at the button.
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { Schema } from '../api/client'
import { languagesQuery } from '../api/queries'
import { cannotRunTexts } from '../i18n/cannot-run'
import { useTexts } from '../i18n/messages'
import { Button } from '../ui/Button'
import { languageName } from '../util/language'
import type { CannotRun as Why } from '../util/language-choice'
import { ErrorBox } from './ErrorBox'

const POLL_MS = 30_000

/** `isOwn`: the code is a draft of the user. */
export function CannotRun({ language, why: { why, reason }, isOwn = true }: { language: Schema['LanguageView']; why: Why; isOwn?: boolean }) {
  const texts = useTexts(cannotRunTexts)
  const text = texts[why](languageName(language))
  return (
    <CheckAgain>
      {text} {isOwn && texts.kept}
      {reason !== undefined && (
        <>
          {' '}
          {texts.reason} <span lang="en">{reason}</span>
        </>
      )}
    </CheckAgain>
  )
}

/** A sentence about languages that are missing, with the button. */
export function CheckAgain({ children }: { children: React.ReactNode }) {
  const texts = useTexts(cannotRunTexts)
  const queries = useQueryClient()
  const languages = useQuery({ ...languagesQuery, refetchInterval: POLL_MS })
  const [state, setState] = useState<'asks' | 'checks' | 'same' | 'failed'>('asks')
  const [failure, setFailure] = useState<unknown>()
  const check = async () => {
    if (state === 'checks') return
    setState('checks')
    try {
      // The languages that the problem accepts are data of the problem.
      await queries.refetchQueries({ type: 'active', predicate: ({ queryKey: [of] }) => of === 'languages' || of === 'problem' }, { throwOnError: true })
      setState('same')
    } catch (error) {
      setFailure(error)
      setState('failed')
    }
  }
  const error = state === 'failed' ? failure : languages.error
  return (
    <div className="w-full space-y-2">
      <div className="flex flex-wrap items-center gap-2">
        <p role="status" className="grow basis-40 min-w-0 wrap-anywhere">
          {children}
          {state === 'same' && languages.error === null && ` ${texts.same}`}
        </p>
        <Button onClick={() => void check()} disabled={state === 'checks'}>
          {texts.check}
        </Button>
      </div>
      {error !== null && <ErrorBox error={error} />}
    </div>
  )
}
