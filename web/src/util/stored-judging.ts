// The last run or submission of a tab in each place (user, contest and problem), so that a problem's page shows it again
// after Back and after a reload. The storage is separate for each tab.
import type { Purpose } from '../hooks/useJudging'
import { readJsonOfTab, removeOfTab, writeOfTab } from './storage'

export interface StoredJudging {
  /** Id of the submission. */
  id: string
  purpose: Purpose
  /** The user's own input, if it is short. */
  input?: string | undefined
}

const PURPOSES: readonly unknown[] = ['samples', 'input', 'submission'] satisfies Purpose[]

const keyOf = (place: string): string => `cupel.judged/${place}`

/** The storage of a tab has a few megabytes for all problems. */
const INPUT_CHARS_MAX = 20_000

export const storeJudging = (place: string, { input, ...stored }: StoredJudging): void =>
  writeOfTab(keyOf(place), JSON.stringify({ ...stored, ...(input !== undefined && input.length <= INPUT_CHARS_MAX && { input }) }))

export function storedJudging(place: string): StoredJudging | undefined {
  const stored = readJsonOfTab(keyOf(place)) as Partial<StoredJudging> | null
  return typeof stored?.id === 'string' && PURPOSES.includes(stored.purpose) && ['string', 'undefined'].includes(typeof stored.input) ? (stored as StoredJudging) : undefined
}

export const forgetJudging = (place: string): void => removeOfTab(keyOf(place))
