// The run that a tab follows, kept while the tab is open, so that a reload of the page does not lose it.
//
// The browser keeps it per tab: two tabs follow their own runs.

export interface KeptRun {
  /** Where it was started: user and language, or user and shared program. */
  place: string
  run: string
  isTerminal: boolean
}

const KEY = 'cupel.play-run'

export function keepRun(kept: KeptRun): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(kept))
  } catch {
    // Without storage, a reload loses sight of the run; it goes on until its limits end it.
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
    // There is nothing to remove.
  }
}
