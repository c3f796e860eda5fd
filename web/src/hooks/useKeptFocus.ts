// Keeps the place of the focus if a focused button disappears because it has acted. Otherwise, Tab would begin at the top of the page.
import { useEffect, useRef } from 'react'

/** Returns a ref for the element around the button. It needs a `tabIndex` of -1. `state`: what the button changes. */
export function useKeptFocus(state: boolean) {
  const place = useRef<HTMLDivElement>(null)
  const before = useRef(state)
  useEffect(() => {
    if (before.current === state) return
    before.current = state
    // A user who has gone on keeps the focus.
    if (document.activeElement === document.body) place.current?.focus({ preventScroll: true })
  }, [state])
  return place
}
