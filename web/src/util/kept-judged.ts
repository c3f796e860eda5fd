// The last run or submission of a tab in each place (user, contest and problem), so that a problem's page shows it again
// after Back and after a reload. The storage is separate for each tab.
import type { Purpose } from '../hooks/useJudging'
import { readJsonOfTab, removeOfTab, writeOfTab } from './storage'

export interface KeptJudged {
  /** Id of the submission. */
  id: string
  purpose: Purpose
}

const PURPOSES: readonly unknown[] = ['samples', 'input', 'submission'] satisfies Purpose[]

const keyOf = (place: string): string => `cupel.judged/${place}`

export const keepJudged = (place: string, kept: KeptJudged): void => writeOfTab(keyOf(place), JSON.stringify(kept))

export function judgedAt(place: string): KeptJudged | undefined {
  const kept = readJsonOfTab(keyOf(place)) as Partial<KeptJudged> | null
  return typeof kept?.id === 'string' && PURPOSES.includes(kept.purpose) ? (kept as KeptJudged) : undefined
}

export const forgetJudged = (place: string): void => removeOfTab(keyOf(place))
