// Shown if the session has ended while a page was open: a link to the sign-in page, which returns to this page.
import type { ReactNode } from 'react'
import { Link } from '@tanstack/react-router'
import { useHere } from '../hooks/useHere'
import { useMessages, useTexts } from '../i18n/messages'
import { session } from '../i18n/session'
import { buttonClass } from '../ui/Button'

/** `children`: further buttons. */
export function SignInAgain({ children }: { children?: ReactNode }) {
  const m = useMessages()
  const texts = useTexts(session)
  const here = useHere()
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
