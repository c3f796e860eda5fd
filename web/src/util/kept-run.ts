// The run that a tab follows. It is stored for as long as the tab is open, so that the page finds the run again after a
// reload.
//
// The storage is separate for each tab, so two tabs can follow different runs.

export interface KeptRun {
  /** Where the run was started: user and language, or user and shared program. */
  place: string
  run: string
  isTerminal: boolean
}

const KEY = 'cupel.play-run'

export function keepRun(kept: KeptRun): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(kept))
  } catch {
    // Without storage, the page does not find the run after a reload. The run continues until a limit ends it.
  }
}

export function keptRun(place: string): KeptRun | undefined {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Partial<KeptRun> | null
    const isOurs = kept?.place === place && typeof kept.run === 'string' && typeof kept.isTerminal === 'boolean'
    return isOurs ? (kept as KeptRun) : undefined
  } catch {
    return undefined
  }
}

export function forgetRun(place: string): void {
  if (keptRun(place) === undefined) return
  try {
    sessionStorage.removeItem(KEY)
  } catch {
    // Without storage, there is nothing to remove.
  }
}
