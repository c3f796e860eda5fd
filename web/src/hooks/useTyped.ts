// Text that a person has typed but not sent. It is stored per tab, so it survives a refetch, a change of page, a reload
// and a new sign-in.
import { useState } from 'react'
import { readOfTab, removeOfTab, writeOfTab } from '../util/storage'

export const hasTyped = (key: string): boolean => readOfTab(key) !== null

/** `initial` is the text before the first change, such as an existing answer. It is not stored. */
export function useTyped(key: string, initial = ''): [string, (text: string) => void] {
  const [text, setText] = useState(() => readOfTab(key) ?? initial)
  const change = (next: string) => {
    setText(next)
    if (next === initial) removeOfTab(key)
    else writeOfTab(key, next)
  }
  return [text, change]
}
