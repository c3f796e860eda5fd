// Display name of a language.
import type { Schema } from '../api/client'

/**
 * Name with the installed version, such as `Python 3.11.2`. If the language's name has a version, the installed version
 * replaces it.
 */
export function languageName({ display_name: name, version }: Pick<Schema['LanguageView'], 'display_name' | 'version'>): string {
  if (version == null) return name
  const [, word, number] = /^(.*) (\d[\d.]*)$/.exec(name) ?? []
  return number !== undefined && version.startsWith(number) ? `${word} ${version}` : `${name} (${version})`
}
