// The last run or submission of a tab in each place (user, contest and problem), so that a problem's page shows it again
// after Back and after a reload. The storage is separate for each tab.
import type { Purpose } from '../hooks/useJudging'

export interface KeptJudged {
  /** Id of the submission. */
  id: string
  purpose: Purpose
}

const PURPOSES: readonly unknown[] = ['samples', 'input', 'submission'] satisfies Purpose[]

const keyOf = (place: string): string => `cupel.judged/${place}`

export function keepJudged(place: string, kept: KeptJudged): void {
  try {
    sessionStorage.setItem(keyOf(place), JSON.stringify(kept))
  } catch {
    // Without storage, the page does not find the run again. The list of submissions still has it.
  }
}

export function judgedAt(place: string): KeptJudged | undefined {
  try {
    const kept = JSON.parse(sessionStorage.getItem(keyOf(place)) ?? 'null') as Partial<KeptJudged> | null
    return typeof kept?.id === 'string' && PURPOSES.includes(kept.purpose) ? (kept as KeptJudged) : undefined
  } catch {
    return undefined
  }
}

export function forgetJudged(place: string): void {
  try {
    sessionStorage.removeItem(keyOf(place))
  } catch {
    // Without storage, there is nothing to remove.
  }
}
