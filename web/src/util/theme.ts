// The theme: the system's, or the person's choice, which is kept in this browser. `public/theme.js` applies it before
// the first paint.
import { useSyncExternalStore } from 'react'
import { choose, chosen, remove } from './storage'

export type Theme = 'system' | 'light' | 'dark'
const KEY = 'cupel.theme'
const listeners = new Set<() => void>()
const systemDark = matchMedia('(prefers-color-scheme: dark)')

const theme = (): Theme => {
  const kept = chosen(KEY)
  return kept === 'light' || kept === 'dark' ? kept : 'system'
}

function apply(): void {
  const shown = theme()
  document.documentElement.classList.toggle('dark', shown === 'dark' || (shown === 'system' && systemDark.matches))
  for (const listener of listeners) listener()
}

systemDark.addEventListener('change', apply)
addEventListener('storage', apply)

export function setTheme(next: Theme): void {
  if (next === 'system') remove(KEY)
  else choose(KEY, next)
  apply()
}

const subscribe = (listener: () => void) => {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export const useTheme = (): Theme => useSyncExternalStore(subscribe, theme)
