// The custom input of a problem, one per user and problem. The page keeps what is typed, also a text that is too long
// for the browser's storage, which has a few megabytes for all drafts and inputs.
import type { DraftOf } from './drafts'
import { read, remove, write } from './storage'

export interface CustomInput {
  text: string
  /** Whether Run uses it instead of the samples. */
  isUsed: boolean
}

export interface KeptInput extends CustomInput {
  /** Whether the input is still there after a reload. */
  isStored: boolean
}

type Place = Pick<DraftOf, 'user' | 'slug'>

/** Maximum number of characters that are stored. */
export const STORED_MAX = 100_000

const typed = new Map<string, KeptInput>()

const keyOf = ({ user, slug }: Place): string => `cupel.input/${user ?? ''}/${slug}`

/** The stored text begins with a sign for `isUsed`. */
export function customInput(of: Place): KeptInput | undefined {
  const stored = read(keyOf(of))
  return typed.get(keyOf(of)) ?? (stored === null ? undefined : { text: stored.slice(1), isUsed: stored.startsWith('+'), isStored: true })
}

export function keepCustomInput(of: Place, { text, isUsed }: CustomInput): KeptInput {
  const isStored = text.length <= STORED_MAX && write(keyOf(of), (isUsed ? '+' : '-') + text)
  // An earlier input would be there again after a reload, and occupies room.
  if (!isStored) remove(keyOf(of))
  const kept = { text, isUsed, isStored }
  typed.set(keyOf(of), kept)
  return kept
}
