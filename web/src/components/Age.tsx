// The age of something, such as "2 minutes ago", which advances while the page is visible. The time itself is shown on hover.
import { useEffect, useState } from 'react'
import { useLanguage } from '../i18n/messages'
import { serverNow } from '../util/clock'
import { ago } from '../util/format'

const TICK_MS = 1_000

interface AgeProps {
  /** A time in RFC 3339. */
  of: string
  /** Whether screen readers skip it, because its region announces changes. */
  isSilent?: boolean
  className?: string
}

export function Age({ of, isSilent = false, className }: AgeProps) {
  const { tag } = useLanguage()
  const [now, setNow] = useState(serverNow)
  const text = ago(of, now, tag)
  useEffect(() => {
    // Most seconds change no text, so they cause no rendering.
    const tick = () => {
      const next = serverNow()
      if (document.visibilityState === 'visible' && ago(of, next, tag) !== text) setNow(next)
    }
    const timer = setInterval(tick, TICK_MS)
    return () => clearInterval(timer)
  }, [of, tag, text])
  return (
    <time dateTime={of} title={new Date(of).toLocaleString(tag, { dateStyle: 'medium', timeStyle: 'long' })} className={className} aria-hidden={isSilent || undefined}>
      {text}
    </time>
  )
}
