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
