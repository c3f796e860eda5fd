// The most recently chosen languages of all pages, stored in this browser.
import { read, write } from './storage'

const KEY = 'cupel.languages-recent'

/** Maximum number of stored languages. */
export const RECENT_MAX = 5

export function recentLanguages(): string[] {
  try {
    const kept: unknown = JSON.parse(read(KEY) ?? '[]')
    return Array.isArray(kept) ? kept.filter((one): one is string => typeof one === 'string').slice(0, RECENT_MAX) : []
  } catch {
    return []
  }
}

export function rememberLanguage(id: string): void {
  write(KEY, JSON.stringify([id, ...recentLanguages().filter((one) => one !== id)].slice(0, RECENT_MAX)))
}
