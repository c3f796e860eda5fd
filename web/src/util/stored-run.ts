// The run that a tab follows. It is stored for as long as the tab is open, so that the page finds the run again after a
// reload.
//
// The storage is separate for each tab, so two tabs can follow different runs.
import { readJsonOfTab, removeOfTab, writeOfTab } from './storage'

export interface StoredRun {
  /** Where the run was started: user and language, or user and shared program. */
  place: string
  run: string
  isTerminal: boolean
  /** Number of the last event that the page has shown, if it was noted before the page was left. */
  seen?: number
}

const KEY = 'cupel.play-run'

export const storeRun = (stored: StoredRun): void => writeOfTab(KEY, JSON.stringify(stored))

export function storedRun(place: string): StoredRun | undefined {
  const stored = readJsonOfTab(KEY) as Partial<StoredRun> | null
  const isOurs = stored?.place === place && typeof stored.run === 'string' && typeof stored.isTerminal === 'boolean'
  return isOurs ? (stored as StoredRun) : undefined
}

export function forgetRun(place: string): void {
  if (storedRun(place) !== undefined) removeOfTab(KEY)
}
