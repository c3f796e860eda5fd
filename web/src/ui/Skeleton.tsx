// Placeholders that reserve the space of content that is loading, so that the layout does not shift. They become
// visible only after a short delay.
import type { ReactNode } from 'react'
import { useMessages } from '../i18n/messages'

/** One bar of text, a button, or a box. */
export function Bone({ className = '' }: { className?: string }) {
  return <div className={`skeleton rounded-sm bg-border ${className}`} />
}

/** Lines of text. The last line is shorter. */
export function BoneLines({ lines, className = '' }: { lines: number; className?: string }) {
  return (
    <div className={`space-y-2 ${className}`}>
      {Array.from({ length: lines }, (_, at) => (
        <Bone key={at} className={`h-4 ${at === lines - 1 ? 'w-3/5' : ''}`} />
      ))}
    </div>
  )
}

/** Rows of a list or table. */
export function BoneRows({ rows, className = 'h-9' }: { rows: number; className?: string }) {
  return (
    <div className="border-t border-border">
      {Array.from({ length: rows }, (_, at) => (
        <div key={at} className={`flex items-center gap-4 px-2 border-b border-border ${className}`}>
          <Bone className={`h-3.5 ${['w-2/5', 'w-1/3', 'w-1/2'][at % 3]}`} />
          <span className="grow" />
          <Bone className="h-3.5 w-14" />
        </div>
      ))}
    </div>
  )
}

/** In place of what cannot be loaded yet, because the browser has no connection. */
export function Offline() {
  const m = useMessages()
  return (
    <p role="status" className="py-16 text-center text-muted">
      {m.offlineWait}
    </p>
  )
}

/** The frame that marks its content as loading for screen readers. */
export function Loading({ className = '', children }: { className?: string; children: ReactNode }) {
  const m = useMessages()
  return (
    <div role="status" aria-label={m.loading} className={className}>
      <div aria-hidden className={className.includes('flex') ? 'contents' : ''}>
        {children}
      </div>
    </div>
  )
}
