// The languages that were chosen last, in any page, kept in this browser.
import { read, write } from './storage'

const KEY = 'cupel.languages-recent'

/** Languages that are remembered. */
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
