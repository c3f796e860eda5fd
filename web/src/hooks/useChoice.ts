// Choices that are stored in this browser, or hold for this page if its storage is blocked or full. A change updates
// every component and every tab that reads the choice.
import { useSyncExternalStore } from 'react'
import { choose, chosen } from '../util/storage'

const listeners = new Set<() => void>()
const tell = () => listeners.forEach((listener) => listener())

export const subscribeToChoices = (listener: () => void) => {
  if (listeners.size === 0) addEventListener('storage', tell)
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) removeEventListener('storage', tell)
  }
}

/** The stored choice if it is one of `values`, otherwise the first of them. */
export function storedChoice<T extends string>(key: string, values: readonly [T, ...T[]]): T {
  const kept = chosen(key)
  return values.find((value) => value === kept) ?? values[0]
}

export function keepChoice(key: string, value: string): void {
  choose(key, value)
  tell()
}

export function useChoice<T extends string>(key: string, values: readonly [T, ...T[]]): [T, (value: T) => void] {
  const value = useSyncExternalStore(subscribeToChoices, () => storedChoice(key, values))
  return [value, (next) => keepChoice(key, next)]
}
