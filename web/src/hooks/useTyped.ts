// Text that a person has typed but not sent. It is stored per tab, so it survives a refetch, a change of page, a reload
// and a new sign-in.
import { useEffect, useState } from 'react'
import { readOfTab, removeOfTab, writeOfTab } from '../util/storage'

export const hasTyped = (key: string): boolean => readOfTab(key) !== null

const cleared = new EventTarget()

/** Removes a text that was sent, also from a field that was shown only while the text was sent. */
export function clearTyped(key: string): void {
  removeOfTab(key)
  cleared.dispatchEvent(new Event(key))
}

/** `initial` is the text before the first change, such as an existing answer. It is not stored. */
export function useTyped(key: string, initial = ''): [string, (text: string) => void] {
  const [text, setText] = useState(() => readOfTab(key) ?? initial)
  useEffect(() => {
    const clear = () => setText(initial)
    cleared.addEventListener(key, clear)
    return () => cleared.removeEventListener(key, clear)
  }, [key, initial])
  const change = (next: string) => {
    setText(next)
    if (next === initial) removeOfTab(key)
    else writeOfTab(key, next)
  }
  return [text, change]
}

/**
 * A choice that belongs to the text of a key, such as its subject. It is stored as long as the text is. Otherwise, it begins with `initial`. `name` is
 * that of the choice among those of the text.
 */
export function useTypedChoice(key: string, name: string, initial: string): [string, (value: string) => void] {
  const place = `${key}/${name}`
  const [value, setValue] = useState(() => (hasTyped(key) ? readOfTab(place) : null) ?? initial)
  // Also the first value, because the text may be typed before another one is chosen.
  useEffect(() => writeOfTab(place, value), [place, value])
  return [value, setValue]
}
