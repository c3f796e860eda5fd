// The custom input of a problem, kept in this browser, one per user and problem.
import type { DraftOf } from './drafts'
import { read, write } from './storage'

export interface CustomInput {
  text: string
  /** Whether Run uses it instead of the samples. */
  isUsed: boolean
}

type Place = Pick<DraftOf, 'user' | 'slug'>

const keyOf = ({ user, slug }: Place): string => `cupel.input/${user ?? ''}/${slug}`

/** The stored text begins with a sign for `isUsed`. */
export function customInput(of: Place): CustomInput | undefined {
  const kept = read(keyOf(of))
  return kept === null ? undefined : { text: kept.slice(1), isUsed: kept.startsWith('+') }
}

export const keepCustomInput = (of: Place, { text, isUsed }: CustomInput): boolean => write(keyOf(of), (isUsed ? '+' : '-') + text)
