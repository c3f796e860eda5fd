// Text that a person has typed and not sent: kept in this tab, so that a refetch, another page, a reload and signing in
// again leave it as it is.
import { useState } from 'react'

function stored(key: string): string | undefined {
  try {
    return sessionStorage.getItem(key) ?? undefined
  } catch {
    return undefined
  }
}

export const hasTyped = (key: string): boolean => stored(key) !== undefined

/** `initial` is the text that needs no keeping, such as that of an answer which is about to be changed. */
export function useTyped(key: string, initial = ''): [string, (text: string) => void] {
  const [text, setText] = useState(() => stored(key) ?? initial)
  const change = (next: string) => {
    setText(next)
    try {
      if (next === initial) sessionStorage.removeItem(key)
      else sessionStorage.setItem(key, next)
    } catch {
      // A browser that stores nothing keeps the text as long as the form is on the page.
    }
  }
  return [text, change]
}
