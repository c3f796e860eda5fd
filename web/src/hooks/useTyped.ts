// Text that a person has typed but not sent. It is stored per tab, so it survives a refetch, a change of page, a reload
// and a new sign-in.
import { useState } from 'react'

function stored(key: string): string | undefined {
  try {
    return sessionStorage.getItem(key) ?? undefined
  } catch {
    return undefined
  }
}

export const hasTyped = (key: string): boolean => stored(key) !== undefined

/** `initial` is the text before the first change, such as an existing answer. It is not stored. */
export function useTyped(key: string, initial = ''): [string, (text: string) => void] {
  const [text, setText] = useState(() => stored(key) ?? initial)
  const change = (next: string) => {
    setText(next)
    try {
      if (next === initial) sessionStorage.removeItem(key)
      else sessionStorage.setItem(key, next)
    } catch {
      // Without storage, the text is kept as long as the form is on the page.
    }
  }
  return [text, change]
}
