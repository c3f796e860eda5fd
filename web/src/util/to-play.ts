// Puts a program and its input into the draft of the playground. Loaded when it is needed.
import type { Schema } from '../api/client'
import { handOver, keepLanguage } from './drafts'
import { MODE_KEY, PLAY_SLUG, textOf } from './play'
import { freshText } from './starters'
import { write } from './storage'

/** Returns whether everything was stored. */
export function toPlay(user: string | undefined, language: Schema['LanguageView'], source: string, stdin: string): boolean {
  const id = language.language_id
  const text = textOf({ files: [{ path: language.source_file, text: source }], args: '', stdin })
  if (!handOver({ user, slug: PLAY_SLUG, language: id }, text, freshText(language))) return false
  keepLanguage(PLAY_SLUG, id)
  write(MODE_KEY, 'text')
  return true
}
