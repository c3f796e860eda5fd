// Drafts: the code in the editor, one per user, problem and language, kept in this browser at every change.
//
// What a visitor has written is theirs after they sign in: a draft of nobody is used if the user has none.
import { read, remove, write } from './storage'

export interface DraftOf {
  /** `undefined`: nobody is signed in. */
  user: string | undefined
  slug: string
  language: string
}

/** Key in the browser's storage, which other tabs see change. */
export const draftKey = ({ user, slug, language }: DraftOf): string => `cupel.draft/${user ?? ''}/${slug}/${language}`

export const draft = (of: DraftOf): string | null => read(draftKey(of)) ?? read(draftKey({ ...of, user: undefined }))

/** Whether it was stored. The starting code is not a draft. */
export function keepDraft(of: DraftOf, text: string, start: string): boolean {
  if (text === start) {
    remove(draftKey(of))
    if (of.user !== undefined) remove(draftKey({ ...of, user: undefined }))
    return true
  }
  return write(draftKey(of), text)
}

const languageKey = (slug: string): string => `cupel.language-of/${slug}`

/** The language last used for this problem or, before that, for any. */
export const lastLanguage = (slug: string): string | null => read(languageKey(slug)) ?? read(languageKey(''))

export function keepLanguage(slug: string, language: string): void {
  write(languageKey(slug), language)
  write(languageKey(''), language)
}

const beforeKey = (of: DraftOf): string => `${draftKey(of)}/before`
const handedKey = (of: DraftOf): string => `${draftKey(of)}/handed`

/**
 * Puts a text into a draft from another page. What a person wrote there is kept, until they say that they do not need it;
 * a text that was handed over and not changed is not their work. Returns whether all of it was stored.
 */
export function handOver(of: DraftOf, text: string, start: string): boolean {
  const current = draft(of)
  const isOwn = current !== null && current !== text && current !== start && current !== read(handedKey(of))
  if (isOwn && !write(beforeKey(of), current)) return false
  return write(draftKey(of), text) && write(handedKey(of), text)
}

/** What was in the draft before a text was handed over. */
export const draftBefore = (of: DraftOf): string | null => read(beforeKey(of))

export const forgetBefore = (of: DraftOf): void => remove(beforeKey(of))
