// Keeps the place of the focus if a focused button disappears because it has acted. Otherwise, Tab would begin at the top of the page.
// A message with a button that tries again keeps it by itself (`components/ErrorBox.tsx`).
import { useEffect, useRef } from 'react'

/**
 * Returns a ref for the element that gets the focus: the element around the button, or what takes its place. It needs a
 * `tabIndex` of -1, unless it is a field. Without such an element, the content of the page (`main`) gets the focus.
 * `state`: what the button changes, such as the length of a list, or `undefined` before it is known.
 */
export function useKeptFocus<Place extends HTMLElement = HTMLDivElement>(state: boolean | number | undefined) {
  const place = useRef<Place>(null)
  const before = useRef(state)
  useEffect(() => {
    const was = before.current
    before.current = state
    if (was === state || was === undefined) return
    // A user who has gone on keeps the focus.
    if (document.activeElement === document.body) (place.current ?? document.querySelector('main'))?.focus({ preventScroll: true })
  }, [state])
  return place
}
