// The last run or submission of a tab in each place (user, contest and problem), so that a problem's page shows it again
// after Back and after a reload. The storage is separate for each tab.
import type { Purpose } from '../hooks/useJudging'
import { readJsonOfTab, removeOfTab, writeOfTab } from './storage'

export interface StoredJudging {
  /** Id of the submission. */
  id: string
  purpose: Purpose
}

const PURPOSES: readonly unknown[] = ['samples', 'input', 'submission'] satisfies Purpose[]

const keyOf = (place: string): string => `cupel.judged/${place}`

export const storeJudging = (place: string, stored: StoredJudging): void => writeOfTab(keyOf(place), JSON.stringify(stored))

export function storedJudging(place: string): StoredJudging | undefined {
  const stored = readJsonOfTab(keyOf(place)) as Partial<StoredJudging> | null
  return typeof stored?.id === 'string' && PURPOSES.includes(stored.purpose) ? (stored as StoredJudging) : undefined
}

export const forgetJudging = (place: string): void => removeOfTab(keyOf(place))
