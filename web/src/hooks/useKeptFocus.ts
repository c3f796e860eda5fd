// Keeps the place of the focus if a focused button disappears because it has acted. Otherwise, Tab would begin at the top of the page.
import { useEffect, useRef } from 'react'

/** Returns a ref for the element around the button. It needs a `tabIndex` of -1. `state`: what the button changes, such as the length of a list, or `undefined` before it is known. */
export function useKeptFocus(state: boolean | number | undefined) {
  const place = useRef<HTMLDivElement>(null)
  const before = useRef(state)
  useEffect(() => {
    const was = before.current
    before.current = state
    if (was === state || was === undefined) return
    // A user who has gone on keeps the focus.
    if (document.activeElement === document.body) place.current?.focus({ preventScroll: true })
  }, [state])
  return place
}
