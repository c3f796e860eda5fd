// An error, shown where it happened: a description, the remedy, the server's own message, and the request id, which is
// also in the server's log.
import { CircleAlert } from 'lucide-react'
import { useEffect, useLayoutEffect, useRef, useState, type ReactNode } from 'react'
import { CallError } from '../api/client'
import { useIsOnline } from '../hooks/useIsOnline'
import { useLanguage, useMessages } from '../i18n/messages'
import { Button } from '../ui/Button'
import { CopyButton } from '../ui/CopyButton'
import { Offline } from '../ui/Skeleton'
import { SignInAgain } from './SignInAgain'

type Catalogue = typeof import('../i18n/errors')
let loaded: Catalogue | undefined

/**
 * The catalogue of error texts, which is loaded at the first error. If it cannot be loaded, the server's own message is
 * shown.
 */
function useCatalogue(): Catalogue | 'loading' | 'failed' {
  const [catalogue, setCatalogue] = useState<Catalogue | 'loading' | 'failed'>(loaded ?? 'loading')
  useEffect(() => {
    let isCurrent = true
    const load = async () => {
      try {
        // vite moves a `then` behind an import into the function that is called after the files have been loaded.
        loaded = await import('../i18n/errors')
      } catch {
        // The server's own message is shown.
      }
      if (isCurrent) setCatalogue(loaded ?? 'failed')
    }
    void load()
    return () => {
      isCurrent = false
    }
  }, [])
  return catalogue
}

interface ErrorBoxProps {
  error: unknown
  onRetry?: (() => void) | undefined
  /** A sentence that says what failed, where the error alone does not. */
  what?: string
  /** Whether the box is in a popup or a line of the page, and so has smaller text. */
  isCompact?: boolean
}

export function ErrorBox({ error, onRetry, what, isCompact = false }: ErrorBoxProps) {
  const { messages: m, tag } = useLanguage()
  const catalogue = useCatalogue()
  const call = error instanceof CallError ? error : undefined
  const isOffline = call?.status === 0
  // Wait for the catalogue, so that screen readers announce the error only once.
  if (catalogue === 'loading' && !isOffline) return <div className="min-h-16" />
  const entry = typeof catalogue === 'string' || call === undefined ? 'unknown' : catalogue.entryOf(call.code)
  const e = typeof catalogue === 'string' ? undefined : catalogue.errors[tag]
  const { title, todo } = isOffline ? { title: m.errors.offline, todo: m.errors.offlineDetail } : (e?.codes[entry] ?? { title: call?.title ?? m.tryAgain, todo: '' })
  // For an unknown error code, the server's title is shown.
  const words = [entry === 'unknown' ? call?.title : undefined, call?.detail].filter(Boolean).join(': ')
  // The end of a session is not reported as an error. The remedy is shown once, beside the link.
  const hasEnded = call?.status === 401
  return (
    <Box title={what ?? title} isCompact={isCompact}>
      {!hasEnded && (
        <p className="mt-0.5 break-words">
          {what === undefined ? todo : m.pair(title, todo)}
          {call?.retryAfterSeconds !== undefined && e !== undefined && ` ${e.wait(call.retryAfterSeconds)}`}
        </p>
      )}
      {!hasEnded && words !== '' && (
        <p className="mt-1 text-sm text-muted break-words">
          {e?.server} <span lang="en">{withCode(words)}</span>
        </p>
      )}
      {!hasEnded && call?.requestId !== undefined && (
        <p className="mt-1 text-sm text-muted break-all">
          {m.requestId} <span className="figure">{call.requestId}</span>{' '}
          <CopyButton text={call.requestId} what={m.requestId} />
        </p>
      )}
      {hasEnded && (
        <div className="mt-0.5">
          <SignInAgain />
        </div>
      )}
      {!hasEnded && onRetry !== undefined && (
        <Button className="mt-2" onClick={onRetry}>
          {m.tryAgain}
        </Button>
      )}
    </Box>
  )
}

/** The server marks names in its messages by backticks. */
const withCode = (text: string): ReactNode[] => text.split('`').map((part, at, { length }) => (at % 2 === 1 && at < length - 1 ? <code key={at}>{part}</code> : part))

/** In place of a part of a page whose script is missing, or which has failed while it was drawn. Without a connection, a part that waits is no error. */
export function PartFailed({ isMissing, onRetry }: { isMissing: boolean; onRetry: () => void }) {
  const m = useMessages()
  const isOnline = useIsOnline()
  useEffect(() => {
    if (!isMissing) return
    addEventListener('online', onRetry)
    return () => removeEventListener('online', onRetry)
  }, [isMissing, onRetry])
  if (isMissing && !isOnline) return <Offline />
  return (
    <Box title={m.errors.part}>
      <p className="mt-0.5">{isMissing ? m.errors.partDetail : m.errors.partFault}</p>
      <div className="mt-2 flex flex-wrap gap-2">
        <Button onClick={onRetry}>{m.tryAgain}</Button>
        <Button onClick={() => location.reload()}>{m.errors.reload}</Button>
      </div>
    </Box>
  )
}

function Box({ title, isCompact, children }: { title: string; isCompact?: boolean; children: ReactNode }) {
  const box = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => {
    const element = box.current
    return () => {
      if (!element?.contains(document.activeElement)) return
      // The button has acted, and its box is removed. Tab goes on in the part of the page around it.
      const place = element.parentElement?.closest<HTMLElement>('[tabindex="-1"]')
      queueMicrotask(() => document.activeElement === document.body && place?.focus({ preventScroll: true }))
    }
  }, [])
  return (
    <div ref={box} role="alert" className={`flex rounded-md border border-wrong bg-surface ${isCompact ? 'gap-2 p-2 text-sm' : 'gap-3 p-3'}`}>
      <CircleAlert aria-hidden size={16} strokeWidth={1.5} className="mt-0.5 shrink-0 text-wrong" />
      <div className="min-w-0 grow">
        <p className="font-semibold break-words">{title}</p>
        {children}
      </div>
    </div>
  )
}
