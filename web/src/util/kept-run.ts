// The run that a tab follows. It is stored for as long as the tab is open, so that the page finds the run again after a
// reload.
//
// The storage is separate for each tab, so two tabs can follow different runs.
import { readJsonOfTab, removeOfTab, writeOfTab } from './storage'

export interface KeptRun {
  /** Where the run was started: user and language, or user and shared program. */
  place: string
  run: string
  isTerminal: boolean
}

const KEY = 'cupel.play-run'

export const keepRun = (kept: KeptRun): void => writeOfTab(KEY, JSON.stringify(kept))

export function keptRun(place: string): KeptRun | undefined {
  const kept = readJsonOfTab(KEY) as Partial<KeptRun> | null
  const isOurs = kept?.place === place && typeof kept.run === 'string' && typeof kept.isTerminal === 'boolean'
  return isOurs ? (kept as KeptRun) : undefined
}

export function forgetRun(place: string): void {
  if (keptRun(place) !== undefined) removeOfTab(KEY)
}
