// The submission of a tab in each place (user, contest and problem) that the server has not confirmed, so that a problem's page offers it
// again after the page was left or reloaded. The storage is separate for each tab.
import type { Unsent } from '../hooks/useJudging'
import { readJsonOfTab, removeOfTab, writeOfTab } from './storage'

export type KeptUnsent = Pick<Unsent, 'solution' | 'key' | 'mayHaveArrived'>

const keyOf = (place: string): string => `cupel.unsent/${place}`

export const keepUnsent = (place: string, { solution, key, mayHaveArrived }: KeptUnsent): void => writeOfTab(keyOf(place), JSON.stringify({ solution, key, mayHaveArrived }))

export function unsentAt(place: string): Unsent | undefined {
  const kept = readJsonOfTab(keyOf(place)) as Partial<KeptUnsent> | null
  if (typeof kept?.key !== 'string' || typeof kept.mayHaveArrived !== 'boolean') return undefined
  const { slug, language, source } = kept.solution ?? {}
  if (typeof slug !== 'string' || typeof language !== 'string' || typeof source !== 'string') return undefined
  return { kind: 'unsent', purpose: 'submission', solution: { slug, language, source }, key: kept.key, mayHaveArrived: kept.mayHaveArrived, isWaiting: false }
}

/** With `key`, only the submission with this key is forgotten. */
export function forgetUnsent(place: string, key?: string): void {
  if (key === undefined || unsentAt(place)?.key === key) removeOfTab(keyOf(place))
}
