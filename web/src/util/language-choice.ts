// Which language an editor has. A language with the user's code stays, even if it cannot run now: its code would otherwise
// be hidden, because each language has its own draft.
import type { Schema } from '../api/client'
import { draft, lastLanguageOf, lastLanguageOfAny, type DraftOf } from './drafts'

type Language = Schema['LanguageView']
type Place = Omit<DraftOf, 'language'>

/** The languages that a problem accepts; null if it accepts all. */
export type Accepted = readonly string[] | null | undefined

const accepts = (accepted: Accepted, id: string): boolean => accepted == null || accepted.includes(id)

export const canRun = (one: Language | undefined, accepted: Accepted): boolean => one !== undefined && (one.available || one.pulling) && accepts(accepted, one.language_id)

const isWritten = (place: Place, language: string): boolean => draft({ ...place, language }) !== null

/**
 * The language with which the editor begins; `undefined` if the server has no language for it. `sent`: the language of the user's last submission
 * to the problem, perhaps from another browser.
 */
export function firstLanguage(place: Place, languages: readonly Language[], accepted?: Accepted, sent?: string | null): string | undefined {
  const runs = (id: string) => canRun(languages.find((one) => one.language_id === id), accepted)
  const isFresh = sent != null && !languages.some((one) => isWritten(place, one.language_id))
  const wished = [lastLanguageOf(place.slug), isFresh ? sent : null, lastLanguageOfAny(), 'python'].filter((id) => id != null)
  const ids = languages.map((one) => one.language_id)
  // It may run later.
  const isPossible = (id: string) => ids.includes(id) && accepts(accepted, id)
  return wished.find((id) => runs(id) || isWritten(place, id)) ?? ids.find((id) => isWritten(place, id)) ?? ids.find(runs) ?? wished.find(isPossible) ?? ids.find(isPossible)
}

/** The languages to choose from: those that can run, the chosen one, and those with code of the user. */
export const offered = (place: Place, languages: readonly Language[], accepted: Accepted, chosen: string | undefined): Language[] =>
  languages.filter((one) => canRun(one, accepted) || one.language_id === chosen || isWritten(place, one.language_id))

/** Why a language cannot run: the problem does not accept it, or the server does not have it now. */
export interface CannotRun {
  why: 'refused' | 'unavailable'
  /** The server's reason, in English. */
  reason: string | undefined
}

/** `undefined` if the language can run. */
export function whyNot(one: Language, accepted?: Accepted): CannotRun | undefined {
  if (canRun(one, accepted)) return undefined
  if (!accepts(accepted, one.language_id)) return { why: 'refused', reason: undefined }
  return { why: 'unavailable', reason: one.unavailable_reason ?? undefined }
}

/** Stands for a language that the server no longer lists, so that its code stays in the editor. `like`: any other language. */
export const unlisted = (id: string, like: Language): Language => ({
  ...like,
  language_id: id,
  display_name: id,
  // Only the server knows the name that the language prescribes.
  source_file: 'main.txt',
  version: null,
  version_of: null,
  available: false,
  pulling: false,
  unavailable_reason: null,
  aliases: [],
  extensions: [],
  compiled: false,
})
