// The time that is left, by the server's clock. Screen readers find it when they look for it; it is not announced each second.
import { useEffect, useRef } from 'react'
import { useServerNow } from '../hooks/useServerNow'
import { remaining } from '../util/clock'

/** The server's time is known to a second, so a page asks a little after the moment, and again if it was too early. */
const AFTER_MS = 1_500

export function Countdown({ to, onEnd, className = '' }: { to: string; onEnd: () => void; className?: string }) {
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
      {remaining(left)}
    </span>
  )
}
