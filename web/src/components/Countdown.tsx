// The remaining time, by the server's clock. Screen readers can read it, but do not announce it every second.
import { useEffect, useRef } from 'react'
import { useServerNow } from '../hooks/useServerNow'
import { useLanguage } from '../i18n/messages'
import { remaining } from '../util/clock'

/**
 * The page knows the server's time only to the second. So it reads the contest this long after the countdown ends, and
 * again if that was too early.
 */
const AFTER_MS = 1_500

export function Countdown({ to, onEnd, className = '' }: { to: string; onEnd: () => void; className?: string }) {
  const { tag } = useLanguage()
  const now = useServerNow()
  const left = Date.parse(to) - now
  const isOver = left < -AFTER_MS
  const end = useRef(onEnd)
  end.current = onEnd
  useEffect(() => {
    if (!isOver) return
    end.current()
    const again = setInterval(() => end.current(), 2 * AFTER_MS)
    return () => clearInterval(again)
  }, [isOver])
  return (
    <span role="timer" aria-live="off" className={`font-mono tabular-nums ${className}`}>
      {remaining(left, tag)}
    </span>
  )
}
