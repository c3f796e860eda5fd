// The server's time, once a second while the page is visible.
import { useEffect, useState } from 'react'
import { serverNow } from '../util/clock'

const TICK_MS = 1_000

export function useServerNow(): number {
  const [now, setNow] = useState(() => serverNow())
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === 'visible' && setNow(serverNow()), TICK_MS)
    return () => clearInterval(timer)
  }, [])
  return now
}
