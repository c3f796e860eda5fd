// An error where it happened: what, why, what to do, and the request id, which finds the server's log.
import { CircleAlert } from 'lucide-react'
import { CallError } from '../api/client'
import { useMessages } from '../i18n/messages'
import { Button } from '../ui/Button'
import { CopyButton } from '../ui/CopyButton'
import { SignInAgain } from './SignInAgain'

export function ErrorBox({ error, onRetry }: { error: unknown; onRetry?: (() => void) | undefined }) {
  const m = useMessages()
  const call = error instanceof CallError ? error : undefined
  const isOffline = call?.status === 0
  const title = isOffline ? m.errors.offline : (call?.title ?? m.errors.failed)
  const detail = isOffline ? m.errors.offlineDetail : (call?.detail ?? '')
  return (
    <div role="alert" className="flex gap-3 p-3 rounded-md border border-wrong bg-surface">
      <CircleAlert aria-hidden size={16} strokeWidth={1.5} className="mt-0.5 shrink-0 text-wrong" />
      <div className="min-w-0 grow">
        <p className="font-semibold">{title}</p>
        {detail !== '' && <p className="mt-0.5 break-words">{detail}</p>}
        {call?.requestId !== undefined && (
          <p className="mt-1 text-sm text-muted break-all">
            {m.requestId} <span className="figure">{call.requestId}</span>{' '}
            <CopyButton text={call.requestId} what={m.requestId} />
          </p>
        )}
        {call?.status === 401 && (
          <div className="mt-2">
            <SignInAgain />
          </div>
        )}
        {onRetry !== undefined && (
          <Button className="mt-2" onClick={onRetry}>
            {m.tryAgain}
          </Button>
        )}
      </div>
    </div>
  )
}
