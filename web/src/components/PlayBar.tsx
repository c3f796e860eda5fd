// The buttons Run and Stop of the playground, and the reason if a run did not start. For a visitor who cannot be a guest, Run leads to the
// sign-in; in a frame of another site, a link to Cupel takes its place.
import { Link } from '@tanstack/react-router'
import { Play } from 'lucide-react'
import type { ReactNode } from 'react'
import { useHere } from '../hooks/useHere'
import { useIsEmbedded } from '../hooks/useIsEmbedded'
import type { usePlay } from '../hooks/usePlay'
import { editing } from '../i18n/editing'
import { useMessages, useTexts } from '../i18n/messages'
import { Button, buttonClass } from '../ui/Button'
import { BESIDE_TABS } from '../ui/tab'
import { lazyPart } from './LazyPart'
import { StopButton } from './StopButton'
import { ToSignIn } from './ToSignIn'

const OpenToRun = lazyPart(async () => (await import('./OpenToRun')).OpenToRun)

interface PlayBarProps {
  /** Whether the window has tabs. In a low window, the buttons are beside them. */
  isNarrow: boolean
  run: ReturnType<typeof usePlay>
  fault: string | undefined
  /** What must happen before a program can run. */
  note: ReactNode
  mayRun: boolean
  /** Whether the user is a visitor who cannot run programs. */
  isSignedOut: boolean
  onRun: () => void
}

export function PlayBar({ isNarrow, run, fault, note, mayRun, isSignedOut, onRun }: PlayBarProps) {
  const m = useMessages()
  const { visitor } = useTexts(editing)
  const here = useHere()
  const isEmbedded = useIsEmbedded()
  const opensCupel = isSignedOut && mayRun && isEmbedded
  const isBeside = isNarrow && fault === undefined && note === undefined && !opensCupel
  return (
    // Where only a few lines fit, the bar covers none of them, and the page scrolls.
    <div className={`sticky bottom-0 z-10 shrink-0 flex flex-wrap items-center gap-2 px-3 py-2 low:py-1 border-t border-border bg-surface ${isBeside ? `${BESIDE_TABS} low:top-0` : '[@media(height<248px)]:static'}`}>
      {fault !== undefined && (
        <p role="alert" className="w-full text-wrong">
          {fault}
        </p>
      )}
      {note}
      {opensCupel ? (
        <OpenToRun />
      ) : (
        <>
          <span className="grow" />
          <StopButton run={run} />
          {isSignedOut && mayRun ? (
            <Link to="/sign-in" search={{ then: here }} className={buttonClass('primary')}>
              <Play aria-hidden size={14} />
              {visitor.run}
            </Link>
          ) : (
            <Button look="primary" onClick={onRun} disabled={!mayRun} title={`${m.run.run}  Ctrl Enter`} className="min-w-24">
              <Play aria-hidden size={14} />
              {m.run.run}
            </Button>
          )}
        </>
      )}
    </div>
  )
}

/** Says that Run or Share needs an account. */
export function NeedsAccount({ what }: { what: string }) {
  const { visitor } = useTexts(editing)
  return (
    <div role="alert" className="w-full">
      <ToSignIn text={visitor.account(what)} />
    </div>
  )
}
