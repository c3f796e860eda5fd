// The submission of a tab in each place (user, contest and problem) that the server has not confirmed, so that a problem's page offers it
// again after the page was left or reloaded. The storage is separate for each tab.
import type { Unsent } from '../hooks/useJudging'
import { readJsonOfTab, removeOfTab, writeOfTab } from './storage'

export type StoredUnsent = Pick<Unsent, 'solution' | 'key' | 'mayHaveArrived'>

const keyOf = (place: string): string => `cupel.unsent/${place}`

export const storeUnsent = (place: string, { solution, key, mayHaveArrived }: StoredUnsent): void => writeOfTab(keyOf(place), JSON.stringify({ solution, key, mayHaveArrived }))

export function unsentAt(place: string): Unsent | undefined {
  const stored = readJsonOfTab(keyOf(place)) as Partial<StoredUnsent> | null
  if (typeof stored?.key !== 'string' || typeof stored.mayHaveArrived !== 'boolean') return undefined
  const { slug, language, source } = stored.solution ?? {}
  if (typeof slug !== 'string' || typeof language !== 'string' || typeof source !== 'string') return undefined
  return { kind: 'unsent', purpose: 'submission', solution: { slug, language, source }, key: stored.key, mayHaveArrived: stored.mayHaveArrived, isWaiting: false }
}

/** With `key`, only the submission with this key is forgotten. */
export function forgetUnsent(place: string, key?: string): void {
  if (key === undefined || unsentAt(place)?.key === key) removeOfTab(keyOf(place))
}
