// Display name of a language.
import type { Schema } from '../api/client'

/** The number in a version, such as `12.2.0` in `gcc (Debian 12.2.0-14) 12.2.0`. */
export const versionNumber = (version: string): string => version.match(/\d+(?:\.\d+)+/g)?.at(-1) ?? version.trim()

/** The name of a standard of C or C++, whose number is not that of the compiler. */
const STANDARD = /^C(\+\+)?\d+$/

/**
 * Name with the number of the installed version: `Python 3.11.2`, `Haskell (GHC 9.0.2)`, `AWK (GNU 5.2.1)`, `C17 (GCC 12.2.0)`.
 * If the name has a part of the number, the number replaces it.
 */
export function languageName({ display_name: name, version }: Pick<Schema['LanguageView'], 'display_name' | 'version'>): string {
  if (version == null || version.trim() === '') return name
  const number = versionNumber(version)
  if (STANDARD.test(name)) return `${name} (GCC ${number})`
  const [, head = name, part, tail = ''] = /^(.*?)(?: (\d[\d.]*))?(\))?$/.exec(name) ?? []
  if (part === undefined) return `${head} ${number}${tail}`
  return `${number}.`.startsWith(`${part}.`) ? `${head} ${number}${tail}` : `${name} (${number})`
}
