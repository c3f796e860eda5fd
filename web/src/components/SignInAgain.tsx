// Shown if the session has ended while a page was open: a link to the sign-in page, which returns to this page.
import { lazy, Suspense, type ReactNode } from 'react'
import { Link } from '@tanstack/react-router'
import { useHere } from '../hooks/useHere'
import { useIsEmbedded } from '../hooks/useIsEmbedded'
import { useMessages, useTexts } from '../i18n/messages'
import { session } from '../i18n/session'
import { buttonClass } from '../ui/Button'

/** Only in a frame of another site. Not a `lazyPart`, whose file imports this one to show errors. */
const OpenToRun = lazy(async () => ({ default: (await import('./OpenToRun')).OpenToRun }))

/** `children`: further buttons. */
export function SignInAgain({ children }: { children?: ReactNode }) {
  const m = useMessages()
  const texts = useTexts(session)
  const here = useHere()
  if (useIsEmbedded()) {
    return (
      <Suspense>
        <OpenToRun />
      </Suspense>
    )
  }
  return (
    <div className="flex flex-wrap items-center gap-2">
      <p className="grow basis-40 min-w-0">{texts.again}</p>
      <Link to="/sign-in" search={{ then: here }} className={buttonClass('primary')}>
        {m.menu.signIn}
      </Link>
      {children}
    </div>
  )
}
