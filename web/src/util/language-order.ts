// The order of languages in lists: the popular ones first, then all others by name. The default version of a language comes first, so
// that Enter after its name chooses it. The other versions and standards follow, the newest first.
import type { Schema } from '../api/client'

type Language = Pick<Schema['LanguageView'], 'display_name' | 'version_of'>

/** The languages that most people of courses and programming contests use. */
const POPULAR = ['Python', 'C++', 'Java', 'C', 'Node.js', 'TypeScript', 'Go', 'Rust', 'C#', 'Kotlin']

/** Name without the compiler in brackets: `C++20` of `C++20 (Clang 14)`. */
const headOf = ({ display_name: name }: Language): string => name.replace(/ \(.*/, '')

/** Name without the standard or version: `C++17` and `C++20` are C++. */
const familyOf = (one: Language): string => headOf(one).replace(/ ?\d[\d.]*$/, '')

const rankOf = (one: Language): number => {
  const at = POPULAR.indexOf(familyOf(one))
  return at < 0 ? POPULAR.length : at
}

/** The year of a standard of C or C++: C99 is older than C11. A name without a year counts as the newest. */
const yearOf = (one: Language): number => {
  const year = Number(/^C(?:\+\+)?(\d\d)$/.exec(headOf(one))?.[1] ?? 100)
  return year > 80 && year < 100 ? year - 100 : year
}

const compared = (a: string, b: string) => a.localeCompare(b, 'en', { numeric: true })

export const inOrder = <T extends Language>(languages: readonly T[]): T[] =>
  [...languages].sort((a, b) => rankOf(a) - rankOf(b) || compared(familyOf(a), familyOf(b)) || Number(a.version_of != null) - Number(b.version_of != null) || yearOf(b) - yearOf(a) || compared(headOf(b), headOf(a)) || compared(a.display_name, b.display_name))
