// The base of a language: versions, standards and dialects of a language share its highlighting, indentation and starter code.
import type { Schema } from '../api/client'

/** By ids of languages/. Some dialects have their own starter code (`starters.ts`, `skeletons.ts`). */
const BASES: Record<string, string> = {
  'c-clang': 'c', c11: 'c', c23: 'c',
  'cpp-clang': 'cpp', cpp11: 'cpp', cpp14: 'cpp', cpp20: 'cpp', cpp23: 'cpp',
  pypy: 'python', python2: 'python',
  bun: 'typescript', deno: 'typescript',
  dash: 'bash', ksh: 'bash', zsh: 'bash',
  chez: 'scheme', chicken: 'scheme',
  clisp: 'lisp', ecl: 'lisp',
  gprolog: 'prolog',
  luajit: 'lua',
}

export type Versioned = Pick<Schema['LanguageView'], 'language_id' | 'version_of'>

/** A version in an image names its language in `version_of`. */
export function baseOf({ language_id, version_of }: Versioned): string {
  const id = version_of ?? language_id
  return BASES[id] ?? id
}

/** The entry for a language in a table by ids; without one, the entry for its base. */
export const entryOf = <T>(table: Record<string, T>, language: Versioned): T | undefined =>
  table[language.language_id] ?? table[language.version_of ?? ''] ?? table[baseOf(language)]
