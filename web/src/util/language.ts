// The name of a language for people.
import type { Schema } from '../api/client'

/** `Python 3.11.2`; the installed version replaces the one in the language's name, or follows it. */
export function languageName({ display_name: name, version }: Pick<Schema['LanguageView'], 'display_name' | 'version'>): string {
  if (version == null) return name
  const [, word, number] = /^(.*) (\d[\d.]*)$/.exec(name) ?? []
  return number !== undefined && version.startsWith(number) ? `${word} ${version}` : `${name} (${version})`
}
